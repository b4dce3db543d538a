/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The one table of applets, sorted by name: APPLET(symbol, name, node, exits, help). node: the
 * first operand is the node that it talks to. exits: ui/words.h. Included where prototypes,
 * dispatch and help are made of it; to add an applet, add its file and its line.
 */
APPLET(addr, "addr", true, EXIT_GENERAL, "addresses of a node")
APPLET(batch, "batch", false, EXIT_GENERAL, "commands from a file")
APPLET(check, "check", false, EXIT_GENERAL, "what this machine can do")
APPLET(exec, "exec", true, EXIT_OF_PROCESS, "run a program in a node")
APPLET(if, "if", true, EXIT_GENERAL, "interfaces of a node")
APPLET(kill, "kill", true, EXIT_GENERAL, "signal processes of a node")
APPLET(lab, "lab", false, EXIT_OF_COMMAND, "whole labs: run, save, draw")
APPLET(link, "link", false, EXIT_GENERAL, "links and their impairments")
APPLET(logs, "logs", true, EXIT_GENERAL, "what a process has printed")
APPLET(node, "node", false, EXIT_GENERAL, "make, list, remove nodes")
APPLET(ps, "ps", true, EXIT_GENERAL, "processes of a node")
APPLET(route, "route", true, EXIT_GENERAL, "routes of a node")
APPLET(server, "server", false, EXIT_GENERAL, "a node's server, for programs")
APPLET(sh, "sh", true, EXIT_OF_PROCESS, "a shell in a node")
APPLET(spawn, "spawn", true, EXIT_OF_SPAWN, "start in the background")
APPLET(switch, "switch", false, EXIT_GENERAL, "nodes that hold a bridge")
APPLET(until, "until", false, EXIT_GENERAL, "wait until something is so")
APPLET(wait, "wait", true, EXIT_OF_PROCESS, "wait for processes to end")
APPLET(x11, "x11", true, EXIT_OF_COMMAND, "the caller's display, inside")
