/*
 * The end of a link: GOODBYE, the drain and DONE, sections 7.2, 8.2 and 8.5 of ../wire-protocol.md.
 *
 * Two sides of a live link. Each may send messages on one stream (kind 0), with or without ACK, and one request; cancel it; refuse the other's messages by RESET; and say GOODBYE whenever it likes, so both may at once.
 * GOODBYE, ACK and RESET overtake messages that wait; no stream is opened after GOODBYE. The connection may be lost.
 *
 * Checked: no frame that section 7.2 or 8 forbids is ever sent to a side that keeps the rules (second GOODBYE, OPEN
 * after GOODBYE, DONE while a stream is open, anything after DONE, DATA after the end, an ACK that nobody asked for);
 * a side that has sent and received DONE has lost no message, its own or the other's, that was accepted and whose
 * stream was not reset; a request that was not cancelled is answered, or no handler saw it; without a loss both sides
 * come to DONE (SAFETY); and nothing goes on without end (-DNP).
 *
 * Bounds: M0 and M1 messages, R0 and R1 (0 or 1) requests of the two sides, CANCELS, RESETS and LOSSES, all by count.
 * Left out: bytes and credit, byte streams, STOP_SENDING, MAX_STREAMS, codes that end without a drain, the drain
 * deadline (as a lost connection), PING, what is said before a link is live (simultaneous-open.pml has the READYs).
 *
 * Mutants, each of which must fail:
 *   1  the OPEN of a stream waits with its first message, and GOODBYE overtakes it
 *   2  DONE does not wait for the other's GOODBYE
 *   3  messages whose OPEN crosses GOODBYE are refused as requests are
 *   4  the stream of messages is ended by GOODBYE, not after what waits
 *   5  a stream of messages is over when FIN is sent, its ACKs outstanding
 *   6  a GOODBYE is answered with GOODBYE also where one was said
 */

#ifndef MUTANT
#define MUTANT 0
#endif
#ifndef M0
#define M0 1
#endif
#ifndef M1
#define M1 0
#endif
#ifndef R0
#define R0 0
#endif
#ifndef R1
#define R1 1
#endif
#ifndef CANCELS
#define CANCELS 1
#endif
#ifndef RESETS
#define RESETS 1
#endif
#ifndef LOSSES
#define LOSSES 0
#endif

#define ROOM 12
#define other (1 - me)

mtype = { OPEN_M, DATA, DATA_ACK, FIN_M, RESET_M, ACK, REFUSE_M, OPEN_R, BODY, CANCEL_R, REPLY, RESET_R, GOODBYE, DONE };

chan to[2] = [ROOM] of { mtype };	/* by receiver */

/* The end of the link. */
bool saidGoodbye[2], heardGoodbye[2], saidDone[2], heardDone[2], closed[2];
bool lost;
byte cancels = CANCELS;
byte resets = RESETS;
byte losses = LOSSES;

/* A stream of messages, by its opener. */
#define NONE  0
#define OPEN  1
#define ENDED 2
byte out[2];		/* the opener's view */
bool isUnopened[2];	/* mutant 1: its OPEN is not written yet */
byte waiting[2];	/* accepted, not written */
byte asked[2];		/* ACKs outstanding */
byte accepted[2], delivered[2];
bool dropped[2];	/* reset by the other side, which says so */

/* The same, by its acceptor. */
byte in[2];
byte owed[2];		/* ACKs to be written */
bool refused[2];	/* it has sent RESET */

/* A request, by its opener: what it sent, and what came. */
#define ANSWER 1
#define RESET  2
byte asks[2];
byte got[2];
bool cancelled[2];

/* The same, by its acceptor: what came (ENDED: all), and what it sent. */
byte serves[2];
byte gave[2];
bool seen[2];		/* a handler saw it */

#if MUTANT == 5
#define noAcks     true
#else
#define noAcks     (asked[me] == 0)
#endif
#if MUTANT == 2
#define noOpens    true
#else
#define noOpens    heardGoodbye[me]
#endif
#define outOver    (out[me] == NONE || (out[me] == ENDED && noAcks))
#define inOver     (in[me] == NONE || (in[me] == ENDED && owed[me] == 0))
#define asksOver   (asks[me] == NONE || (asks[me] == ENDED && got[me] != 0))
#define servesOver (serves[me] == NONE || (serves[me] == ENDED && gave[me] != 0))
#define noStreams  (outOver && inOver && asksOver && servesOver)
#define isUp       (!closed[me])

inline send(frame) {
	assert(!saidDone[me]);
	if
	:: lost || closed[other]
	:: else ->
		assert(nfull(to[other]));
		to[other]!frame
	fi
}

inline sayGoodbye() {
#if MUTANT == 4
	waiting[me] = 0;
#endif
	send(GOODBYE);
	saidGoodbye[me] = true
}

/* The stream is opened by its first message. */
inline accept() {
	if
#if MUTANT == 1
	:: out[me] == NONE -> isUnopened[me] = true
#else
	:: out[me] == NONE -> send(OPEN_M)
#endif
	:: out[me] != NONE
	fi;
	out[me] = OPEN;
	accepted[me]++;
	waiting[me]++
}

inline write() {
#if MUTANT == 1
	if
	:: isUnopened[me] -> isUnopened[me] = false; send(OPEN_M)
	:: else
	fi;
#endif
	waiting[me]--;
	if
	:: send(DATA)
	:: asked[me]++; send(DATA_ACK)
	fi
}

inline resetMessages() {
	resets--;
	refused[me] = true;
	dropped[other] = true;
	owed[me] = 0;
	send(REFUSE_M)
}

inline cancel() {
	cancels--;
	cancelled[me] = true;
	asks[me] = ENDED;
	send(CANCEL_R)
}

inline onData(ack) {
	assert(in[me] == OPEN);
	if
	:: refused[me]
	:: else ->
		delivered[other]++;
		owed[me] = owed[me] + ack
	fi
}

inline onMessages() {
	if
	:: frame == OPEN_M ->
		assert(in[me] == NONE && !heardGoodbye[me]);
#if MUTANT == 3
		if
		:: saidGoodbye[me] -> refused[me] = true; send(REFUSE_M)
		:: else
		fi;
#endif
		in[me] = OPEN
	:: frame == DATA -> onData(0)
	:: frame == DATA_ACK -> onData(1)
	:: frame == FIN_M ->
		assert(in[me] == OPEN);
		in[me] = ENDED
	:: frame == RESET_M ->
		assert(in[me] == OPEN && refused[me]);
		in[me] = ENDED
	:: frame == ACK ->
		assert(asked[me] > 0 || dropped[me]);
		asked[me] = asked[me] - (asked[me] > 0 -> 1 : 0)
	:: frame == REFUSE_M ->
		/* What waits is dropped; answered unless the direction had ended. */
		waiting[me] = 0;
		asked[me] = 0;
		if
		:: out[me] == OPEN -> out[me] = ENDED; send(RESET_M)
		:: else
		fi
	fi
}

inline onRequest() {
	if
	:: frame == OPEN_R ->
		assert(serves[me] == NONE && !heardGoodbye[me]);
		serves[me] = OPEN;
		if
		:: saidGoodbye[me] -> gave[me] = RESET; send(RESET_R)
		:: else
		fi
	:: frame == BODY ->
		assert(serves[me] == OPEN);
		serves[me] = ENDED;
		seen[me] = gave[me] == 0
	:: frame == CANCEL_R ->
		/* Also after BODY, and after the stream is over. */
		assert(serves[me] != NONE);
		serves[me] = ENDED;
		if
		:: gave[me] == 0 -> gave[me] = RESET; send(RESET_R)
		:: else
		fi
	:: frame == REPLY ->
		assert(asks[me] != NONE && got[me] == 0);
		got[me] = ANSWER
	:: frame == RESET_R ->
		assert(got[me] == 0 && (cancelled[me] || !seen[other]));
		got[me] = RESET;
		if
		:: asks[me] == OPEN -> asks[me] = ENDED; send(CANCEL_R)
		:: else
		fi
	fi
}

inline onGoodbye() {
	assert(!heardGoodbye[me]);
	heardGoodbye[me] = true;
#if MUTANT == 6
	sayGoodbye()
#else
	if
	:: !saidGoodbye[me] -> sayGoodbye()
	:: else
	fi
#endif
}

inline receive() {
	to[me]?frame;
	assert(!heardDone[me]);
	if
	:: frame == GOODBYE -> onGoodbye()
	:: frame == DONE ->
		assert(heardGoodbye[me] && noStreams);
		heardDone[me] = true
	:: frame <= OPEN_M && frame >= REFUSE_M -> onMessages()
	:: frame <= OPEN_R && frame >= RESET_R -> onRequest()
	fi;
	frame = DONE
}

inline close() {
	closed[me] = true;
	if
	:: saidDone[me] && heardDone[me] ->
		assert(dropped[0] || accepted[0] == delivered[0]);
		assert(dropped[1] || accepted[1] == delivered[1])
	:: else
	fi
}

proctype Side(bit me) {
	mtype frame = DONE;

end:	do
	:: atomic { isUp && !saidGoodbye[me] && out[me] != ENDED && accepted[me] < (me == 0 -> M0 : M1) -> accept() }
	:: atomic { isUp && out[me] == OPEN && waiting[me] > 0 -> write() }
	:: atomic { isUp && out[me] == OPEN && waiting[me] == 0 && saidGoodbye[me] -> out[me] = ENDED; send(FIN_M) }
	:: atomic { isUp && owed[me] > 0 -> owed[me]--; send(ACK) }
	:: atomic { isUp && in[me] != NONE && !inOver && !refused[me] && resets > 0 -> resetMessages() }
	:: atomic { isUp && !saidGoodbye[me] && asks[me] == NONE && (me == 0 -> R0 : R1) > 0 -> asks[me] = OPEN; send(OPEN_R) }
	:: atomic { isUp && asks[me] == OPEN -> asks[me] = ENDED; send(BODY) }
	:: atomic { isUp && asks[me] != NONE && !asksOver && !cancelled[me] && cancels > 0 -> cancel() }
	:: atomic { isUp && serves[me] == ENDED && gave[me] == 0 -> gave[me] = ANSWER; send(REPLY) }
	:: atomic { isUp && !saidGoodbye[me] -> sayGoodbye() }
	:: atomic { isUp && saidGoodbye[me] && noOpens && noStreams && !saidDone[me] -> send(DONE); saidDone[me] = true }
	:: atomic { isUp && nempty(to[me]) -> receive() }
	:: atomic { isUp && saidDone[me] && heardDone[me] -> close() }
	:: atomic { isUp && empty(to[me]) && (lost || (closed[other] && !heardDone[me])) -> close() }
	od
}

/* The connection is lost, with or without what was under way. */
proctype Faults() {
end:	do
	:: atomic {
		losses > 0 -> losses--;
		lost = true;
		if
		:: true
		:: nempty(to[0]) || nempty(to[1]) ->
			do
			:: nempty(to[0]) -> to[0]?_
			:: empty(to[0]) -> break
			od;
			do
			:: nempty(to[1]) -> to[1]?_
			:: empty(to[1]) -> break
			od
		fi
	   }
	od
}

/* When nothing is left to do. */
proctype Watch() {
	timeout -> atomic {
		assert(closed[0] && closed[1]);
		assert(lost || (saidDone[0] && heardDone[0] && saidDone[1] && heardDone[1]));
		assert(lost || ((asks[0] == NONE || got[0] != 0) && (asks[1] == NONE || got[1] != 0)))
	}
}

init {
	atomic {
		run Side(0);
		run Side(1);
		run Faults();
		run Watch()
	}
}
