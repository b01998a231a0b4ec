/*
 * One link for each pair of nodes: sections 5.5 and 6 of ../wire-protocol.md.
 *
 * Two nodes, G (greater id) and S, both of which want a link. Each dials while it has none; both dial at once, dial
 * again too early, lose connections (each side learns of it late), crash and come back as another instance.
 *
 * Checked: frames come only where section 4 allows them; the one process that has an id is never refused as a second
 * one (a late HELLO of a process that has ended may be: nobody can tell); when nothing is left to do, both sides are live on one and the same connection, and no other is open (SAFETY);
 * and the two do not dial and refuse each other without end (-DNP: faults are bounded and a settled pair does
 * nothing, so every endless run is an error).
 *
 * Bounds: 3 connections at a time (slots are used again); by count, CUTS connections lost, CRASHES of a node, EAGER
 * dials while another connection is in the handshake, EARLY old-link checks that give up with the PONG under way.
 * Left out: TLS, PROOF, admission, places and eviction, probes, older keys, streams, backoff (who has no link and
 * no handshake dials at once), heartbeats (a lost connection is noticed at any time instead), drains (goodbye.pml),
 * the bound of four PINGs.
 *
 * Mutants, each of which must fail:
 *   1  G sends READY at once, as S does
 *   2  READY is sent without looking whether a link lives
 *   3  one PONG settles all newcomers that wait for the old link, also those that came after its PING
 *   4  no old-link check: a newcomer is refused while a link is believed to live (found by -DNP alone)
 */

#ifndef MUTANT
#define MUTANT 0
#endif
#ifndef CUTS
#define CUTS 1
#endif
#ifndef CRASHES
#define CRASHES 1
#endif
#ifndef EAGER
#define EAGER 1
#endif
#ifndef EARLY
#define EARLY 1
#endif

#define S 0
#define G 1
#define N 3
#define NO N
#define ROOM 6

/* A side's end of a connection. */
#define NONE  0	/* no such connection */
#define PEND  1	/* dialled by the other, not accepted yet */
#define CONN  2	/* HELLO sent */
#define GREET 3	/* HELLO sent and received */
#define HELD  4	/* its READY waits for the old-link check */
#define LIVE  5
#define GONE  6	/* closed here; what still comes is thrown away */

#define AT(side, c) ((side) * N + (c))
#define MINE(c)     AT(me, c)
#define THEIRS(c)   AT(1 - me, c)

#define isFree(c)    (st[MINE(c)] == NONE && st[THEIRS(c)] == NONE)
#define greets(c)    (st[MINE(c)] >= CONN && st[MINE(c)] <= HELD)
#define isOpen(c)    (st[MINE(c)] >= CONN && st[MINE(c)] <= LIVE)
#define hasEnded(c)  (cut[c] || st[THEIRS(c)] == GONE)
#define greetsAny    (greets(0) || greets(1) || greets(2))
#define checks       (st[MINE(0)] == HELD || st[MINE(1)] == HELD || st[MINE(2)] == HELD)

mtype = { HELLO, READY, REFUSE, PING, PONG, GOODBYE };

chan to[2 * N] = [ROOM] of { mtype, byte };	/* by receiver */
byte st[2 * N];
bool sentReady[2 * N];
bool gotReady[2 * N];
bit peerIs[2 * N];	/* instance of the peer */
byte turn[2 * N];	/* tells holds in the same slot apart, 4 in a row */
bool cut[N];
byte link[2] = NO;
bit instance[2];
byte cuts = CUTS;
byte crashes = CRASHES;
byte eager = EAGER;
byte early = EARLY;

inline send(c, what, value) {
	if
	:: hasEnded(c) -> skip
	:: else ->
		assert(nfull(to[THEIRS(c)]));
		to[THEIRS(c)]!what(value)
	fi
}

inline forget(k) {
	do
	:: nempty(to[k]) -> to[k]?_,_
	:: empty(to[k]) -> break
	od
}

/* This end closes. Once both have, the slot is free. */
inline close(c) {
	st[MINE(c)] = GONE;
	sentReady[MINE(c)] = false;
	gotReady[MINE(c)] = false;
	peerIs[MINE(c)] = 0;
	forget(MINE(c));
	if
	:: st[THEIRS(c)] == GONE || st[THEIRS(c)] == PEND ->
		st[MINE(c)] = NONE;
		st[THEIRS(c)] = NONE;
		forget(THEIRS(c));
		cut[c] = false
	:: else
	fi
}

inline live(c) {
	assert(link[me] == NO && sentReady[MINE(c)] && gotReady[MINE(c)]);
	st[MINE(c)] = LIVE;
	link[me] = c
}

/* This side would send READY. */
inline proceed(c) {
	if
#if MUTANT == 4
	:: link[me] != NO ->
		send(c, REFUSE, 0);
		close(c)
#elif MUTANT == 3
	:: link[me] != NO && checks ->
		st[MINE(c)] = HELD
	:: link[me] != NO && !checks ->
		send(link[me], PING, 0);
		st[MINE(c)] = HELD
#elif MUTANT != 2
	:: link[me] != NO ->
		turn[MINE(c)] = (turn[MINE(c)] + 1) % 4;
		send(link[me], PING, 4 * (c) + turn[MINE(c)]);
		st[MINE(c)] = HELD
#endif
#if MUTANT == 2
	:: true ->
#else
	:: link[me] == NO ->
#endif
		sentReady[MINE(c)] = true;
		send(c, READY, 0);
		if
		:: gotReady[MINE(c)] -> live(c)
		:: else
		fi
	fi
}

/* The link is none any more; who was held for it goes on, the first perhaps as the next link, for which the others wait. */
inline endLink(c) {
	link[me] = NO;
	close(c);
	i = 0;
	do
	:: i < N ->
		waits[i] = st[MINE(i)] == HELD;
		st[MINE(i)] = (waits[i] -> GREET : st[MINE(i)]);
		i++
	:: else -> break
	od
}

inline release() {
	if
	:: waits[0] -> proceed(0)
	:: else
	fi;
	if
	:: waits[1] -> proceed(1)
	:: else
	fi;
	if
	:: waits[2] -> proceed(2)
	:: else
	fi;
	waits[0] = false;
	waits[1] = false;
	waits[2] = false;
	i = 0
}

inline closeAny(c) {
	if
	:: link[me] == c ->
		endLink(c);
		release()
	:: else -> close(c)
	fi
}

inline onReady(c) {
	assert(st[MINE(c)] == GREET && !gotReady[MINE(c)]);
	gotReady[MINE(c)] = true;
	if
	:: !sentReady[MINE(c)] -> proceed(c)
	:: sentReady[MINE(c)] && link[me] == NO -> live(c)
	:: sentReady[MINE(c)] && link[me] != NO ->
		/* G would not have sent READY otherwise: the newer replaces the older at once. */
		assert(me == S);
		old = link[me];
		send(old, GOODBYE, 0);
		endLink(old);
		live(c);
		release();
		old = 0
	fi
}

/* The old link lives: who waited for this PONG is a second connection of its process, or else another process with the same id. */
inline onPong(c, number) {
	i = 0;
	do
	:: i < N ->
		if
#if MUTANT == 3
		:: st[MINE(i)] == HELD ->
#else
		:: st[MINE(i)] == HELD && number == 4 * i + turn[MINE(i)] ->
#endif
			assert(peerIs[MINE(i)] == peerIs[MINE(c)] || peerIs[MINE(i)] != instance[1 - me]);
			send(i, REFUSE, 0);
			close(i)
		:: else
		fi;
		i++
	:: else -> break
	od;
	i = 0
}

inline receive(c) {
	to[MINE(c)]?what,value;
	if
	:: what == HELLO ->
		assert(st[MINE(c)] == CONN);
		peerIs[MINE(c)] = value;
		st[MINE(c)] = GREET;
#if MUTANT == 1
		proceed(c)
#else
		if
		:: me == S -> proceed(c)
		:: else
		fi
#endif
	:: what == READY -> onReady(c)
	:: what == REFUSE ->
		assert(greets(c));
		close(c)
	:: what == PING ->
		assert(st[MINE(c)] == LIVE);
		send(c, PONG, value)
	:: what == PONG ->
		assert(st[MINE(c)] == LIVE);
		onPong(c, value)
	:: what == GOODBYE -> closeAny(c)
	fi;
	what = HELLO;
	value = 0
}

/* No PONG in time. */
inline giveUp() {
	early = early - (hasEnded(link[me]) -> 0 : 1);
	old = link[me];
	send(old, GOODBYE, 0);
	endLink(old);
	release();
	old = 0
}

#define lowest(c) ((c) == 0 || ((c) == 1 && !isFree(0)) || ((c) == 2 && !isFree(0) && !isFree(1)))

#define CONNECTION(c) \
	:: atomic { link[me] == NO && isFree(c) && lowest(c) && (!greetsAny || eager > 0) -> dial(c) } \
	:: atomic { st[MINE(c)] == PEND && !cut[c] -> st[MINE(c)] = CONN; send(c, HELLO, instance[me]) } \
	:: atomic { isOpen(c) && nempty(to[MINE(c)]) -> receive(c) } \
	:: atomic { isOpen(c) && empty(to[MINE(c)]) && hasEnded(c) -> closeAny(c) }

inline dial(c) {
	eager = eager - (greetsAny -> 1 : 0);
	st[MINE(c)] = CONN;
	st[THEIRS(c)] = PEND;
	send(c, HELLO, instance[me])
}

proctype Node(bit me) {
	byte i, old, value;
	mtype what = HELLO;
	bool waits[N];

end:	do
	CONNECTION(0)
	CONNECTION(1)
	CONNECTION(2)
	:: atomic { link[me] != NO && checks && (hasEnded(link[me]) || early > 0) -> giveUp() }
	od
}

/* A connection is lost, with or without what was under way. */
inline lose(c) {
	cuts--;
	cut[c] = true;
	if
	:: true
	:: true -> forget(MINE(c)); forget(THEIRS(c))
	fi
}

/* A process ends without a word; what it sent may still arrive. The next one with its key is another instance. */
inline crash(side) {
	crashes--;
	me = side;
	c = 0;
	do
	:: c < N ->
		if
		:: isOpen(c) || st[MINE(c)] == PEND -> cut[c] = true; close(c)
		:: else
		fi;
		c++
	:: else -> break
	od;
	link[me] = NO;
	instance[me] = 1 - instance[me];
	c = 0;
	me = 0
}

#define mayLose(c) (cuts > 0 && !cut[c] && !isFree(c) && st[MINE(c)] != PEND && st[THEIRS(c)] != PEND)

proctype Faults() {
	byte me, c;

end:	do
	:: atomic { mayLose(0) -> lose(0) }
	:: atomic { mayLose(1) -> lose(1) }
	:: atomic { mayLose(2) -> lose(2) }
	:: atomic { crashes > 0 -> crash(S) }
	:: atomic { crashes > 0 -> crash(G) }
	od
}

/* When nothing is left to do. */
proctype Watch() {
	byte me;

	timeout -> atomic {
		assert(link[S] != NO && link[S] == link[G]);
		assert((link[S] == 0 || isFree(0)) && (link[S] == 1 || isFree(1)) && (link[S] == 2 || isFree(2)))
	}
}

init {
	atomic {
		run Node(S);
		run Node(G);
		run Faults();
		run Watch()
	}
}
