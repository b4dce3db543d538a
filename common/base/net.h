/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The value structs: an interface, an address, a route, as the kernel layer reads and sets
 * them and as the wire layer writes them. Numbers are the kernel's (linux/if_link.h,
 * linux/rtnetlink.h).
 */
#ifndef BASE_NET_H
#define BASE_NET_H

#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct inaddr {
	int family; /* AF_INET, AF_INET6; 0: none */
	unsigned char bytes[16];
};

struct lladdr {
	unsigned char len; /* 0: none */
	unsigned char bytes[32];
};

#define INADDR_TEXT 48
#define LLADDR_TEXT 97

/* Values of what interfaces of one kind have: see kernel/kind.h. */
#define KIND_VALUES_MAX 8
struct kind_word;
struct kind_value {
	const struct kind_word *word;
	int64_t num;
	struct inaddr addr;
};
struct kind_values {
	size_t n;
	struct kind_value v[KIND_VALUES_MAX];
};

struct iface {
	int index;
	char name[IFNAMSIZ];
	unsigned int flags; /* IFF_* */
	uint32_t mtu;
	struct lladdr lladdr, broadcast;
	unsigned short arptype; /* ARPHRD_* */
	char kind[16];		/* "veth", "bridge"; "" for a device without one */
	struct kind_values data;
	char qdisc[16];
	int link;	  /* index of the other end or the lower device; 0: none */
	bool has_netnsid; /* the link is in another namespace: */
	int netnsid;
	int master; /* 0: none */
	uint32_t group, txqlen;
	unsigned char operstate, linkmode;
};

struct address {
	int index;	    /* of the interface */
	struct inaddr local; /* the interface's own address */
	struct inaddr peer;  /* point to point; none where it equals local */
	unsigned char prefix_len;
	struct inaddr broadcast;
	unsigned char scope;
	uint32_t flags; /* IFA_F_* */
	uint32_t valid, preferred; /* seconds; UINT32_MAX: for ever */
	char label[IFNAMSIZ];
};

struct route {
	int family;
	unsigned char type; /* RTN_* */
	struct inaddr dst;  /* none: default */
	unsigned char prefix_len;
	struct inaddr gateway; /* none: on the link */
	int index;	       /* of the interface; 0: none */
	uint32_t metric;       /* 0: none */
	struct inaddr prefsrc;
	uint32_t table;
	unsigned char protocol, scope;
	unsigned int flags; /* RTNH_F_* */
};

/* Parses an IPv4 or IPv6 address; false if it is none. */
bool inaddr_parse(const char *s, struct inaddr *a);
/* Writes it into buf (INADDR_TEXT bytes) and returns buf; NULL for none. */
const char *inaddr_text(const struct inaddr *a, char *buf);
/* Bytes of an address of this family: 4 or 16. */
size_t inaddr_len(int family);
bool inaddr_is_multicast(const struct inaddr *a);
bool inaddr_equal(const struct inaddr *a, const struct inaddr *b);
/* The IPv4 broadcast address of a prefix; none for /31, /32 and IPv6. */
struct inaddr inaddr_broadcast(const struct inaddr *a, unsigned char prefix_len);

/* Groups of one or two hex digits with colons, or up to 12 hex digits without (wire.md 3). */
bool lladdr_parse(const char *s, struct lladdr *a);
/* Lower case with colons into buf (LLADDR_TEXT bytes), which is returned; NULL for none. */
const char *lladdr_text(const struct lladdr *a, char *buf);
/* A locally administered unicast Ethernet address, always the same for the same names. */
struct lladdr lladdr_of(const char *lab, const char *node, const char *ifname);
bool lladdr_equal(const struct lladdr *a, const struct lladdr *b);

/* The kernel's rule for interface names. */
bool ifname_valid(const char *s);

/* "unicast" ... for RTN_*, and back (-1: no such type). NULL for a number without a name. */
const char *route_type_name(int type);
int route_type_parse(const char *s);

#endif
