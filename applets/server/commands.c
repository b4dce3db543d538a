/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The commands, one a row, straight from wire.md sections 3 and 4, then the extensions (section
 * 7; nemu-protocol(7) tells what they do). HELP prints this table.
 */
#include "session.h"

const struct command server_commands[] = {
	/* word    sub     mandatory  optional modes        handler */
	{ "QUIT", NULL,	  "",	     "",     MODE_BOTH,	  srv_quit },
	{ "HELP", NULL,	  "",	     "",     MODE_BOTH,	  srv_help },
	{ "IF",	  "LIST", "",	     "i",    MODE_NORMAL, srv_if_list },
	{ "IF",	  "SET",  "iss",     "s*",   MODE_NORMAL, srv_if_set },
	{ "IF",	  "RTRN", "ii",	     "",     MODE_NORMAL, srv_if_rtrn },
	{ "IF",	  "DEL",  "i",	     "",     MODE_NORMAL, srv_if_del },
	{ "ADDR", "LIST", "",	     "i",    MODE_NORMAL, srv_addr_list },
	{ "ADDR", "ADD",  "isi",     "s",    MODE_NORMAL, srv_addr_add },
	{ "ADDR", "DEL",  "iss",     "s",    MODE_NORMAL, srv_addr_del },
	{ "ROUT", "LIST", "",	     "",     MODE_NORMAL, srv_rout_list },
	{ "ROUT", "ADD",  "bbibii",  "",     MODE_NORMAL, srv_rout_change },
	{ "ROUT", "DEL",  "bbibii",  "",     MODE_NORMAL, srv_rout_change },
	{ "PROC", "CRTE", "b",	     "b*",   MODE_NORMAL, srv_proc_crte },
	{ "PROC", "POLL", "i",	     "",     MODE_NORMAL, srv_proc_poll },
	{ "PROC", "WAIT", "i",	     "",     MODE_NORMAL, srv_proc_wait },
	{ "PROC", "KILL", "i",	     "i",    MODE_NORMAL, srv_proc_kill },
	{ "X11",  "SET",  "ss",	     "",     MODE_NORMAL, srv_x11_set },
	{ "X11",  "SOCK", "",	     "",     MODE_NORMAL, srv_x11_sock },

	{ "PROC", "USER", "b",	     "",     MODE_PROC,	  srv_proc_user },
	{ "PROC", "CWD",  "b",	     "",     MODE_PROC,	  srv_proc_cwd },
	{ "PROC", "ENV",  "bb",	     "b*",   MODE_PROC,	  srv_proc_env },
	{ "PROC", "SIN",  "",	     "",     MODE_PROC,	  srv_proc_stdio },
	{ "PROC", "SOUT", "",	     "",     MODE_PROC,	  srv_proc_stdio },
	{ "PROC", "SERR", "",	     "",     MODE_PROC,	  srv_proc_stdio },
	{ "PROC", "RUN",  "",	     "",     MODE_PROC,	  srv_proc_run },
	{ "PROC", "ABRT", "",	     "",     MODE_PROC,	  srv_proc_abrt },

	/* Extensions. */
	{ "IF",	  "INFO", "",	     "",     MODE_NORMAL, srv_if_info },
	{ "LINK", "VETH", "sis",     "s*",   MODE_NORMAL, srv_link_veth },
	{ "LINK", "SET",  "iss",     "s*",   MODE_NORMAL, srv_link_set },
	{ "LINK", "NEW",  "ss",	     "s*",   MODE_NORMAL, srv_link_new },
	{ "LINK", "FIND", "s",	     "",     MODE_NORMAL, srv_link_find },
	{ "LINK", "IMPT", "s",	     "",     MODE_NORMAL, srv_link_impt },
	{ "LINK", "TAPF", "s",	     "",     MODE_NORMAL, srv_link_tapf },
	{ "LINK", "NSID", "i",	     "i*",   MODE_NORMAL, srv_link_nsid },
	{ "LINK", "PEER", "",	     "",     MODE_NORMAL, srv_link_peer },
	{ "TC",	  "SET",  "iss",     "s*",   MODE_NORMAL, srv_tc_set },
	{ "TC",	  "LIST", "",	     "",     MODE_NORMAL, srv_tc_list },
	{ "ADDR", "INFO", "",	     "",     MODE_NORMAL, srv_addr_info },
	{ "ROUT", "INFO", "",	     "",     MODE_NORMAL, srv_rout_info },
	{ "PROC", "LIST", "",	     "b",    MODE_NORMAL, srv_proc_list },
	{ "PROC", "NEXT", "i",	     "i*",   MODE_NORMAL, srv_proc_next },
	{ "PROC", "LOG",  "",	     "",     MODE_PROC,	  srv_proc_log },
	{ "PROC", "NAME", "b",	     "",     MODE_PROC,	  srv_proc_name },
	{ "PROC", "TIE",  "",	     "",     MODE_PROC,	  srv_proc_tie },
	{ "PROC", "TTY",  "",	     "",     MODE_PROC,	  srv_proc_tty },
	{ "PROC", "RFD",  "",	     "",     MODE_PROC,	  srv_proc_stdio },
	{ "PROC", "STD",  "",	     "",     MODE_PROC,	  srv_proc_stdio },
	{ "PROC", "NTFY", "",	     "",     MODE_PROC,	  srv_proc_ntfy },
	{ "SOCK", "LIST", "si",	     "",     MODE_NORMAL, srv_sock_list },
	{ "NEIG", "LIST", "",	     "",     MODE_NORMAL, srv_neig_list },
	{ "X11",  "KEEP", "",	     "",     MODE_NORMAL, srv_x11_keep },
	{ "X11",  "STOP", "",	     "",     MODE_NORMAL, srv_x11_stop },
	{ "NODE", "INFO", "",	     "",     MODE_NORMAL, srv_node_info },
	{ "NODE", "EVNT", "",	     "i",    MODE_NORMAL, srv_node_evnt },
	{ "NODE", "END",  "",	     "",     MODE_NORMAL, srv_node_end },
	{ 0 },
};
