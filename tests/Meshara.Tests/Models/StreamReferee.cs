using Meshara.Tests.Support;
using Xunit;

namespace Meshara.Tests.Models;

/// <summary>Section 8 of the wire protocol, as somebody sees it who reads the frames between two honest sides: ids, credit, ends, ACKs, MAX_STREAMS.</summary>
internal sealed class StreamReferee(long window, int maxStreams)
{
    private readonly SortedDictionary<ulong, Watched> _streams = [];
    private readonly ulong[] _nextId = [0, 1];
    private readonly long[] _opened = [0, 0];
    private readonly long[] _allowed = [maxStreams, maxStreams];
    private readonly long[] _said = [maxStreams, maxStreams];

    public IEnumerable<Watched> Streams => _streams.Values;

    /// <summary>A frame leaves a side.</summary>
    public void Sent(int side, RawFrame frame)
    {
        switch (frame.Type)
        {
            case Raw.Open:
                Assert.True(frame.Id == _nextId[side], $"OPEN {frame.Id} in place of {_nextId[side]}");
                Assert.True(_opened[side]++ < _allowed[side], $"OPEN {frame.Id} beyond MAX_STREAMS {_allowed[side]}");
                _nextId[side] += 2;
                _streams.Add(frame.Id, new Watched(frame, side, window));
                break;
            case Raw.Data:
                _streams[frame.Id].SentData(side, frame);
                break;
            case Raw.Reset:
                Watched reset = _streams[frame.Id];
                Assert.False(reset.ResetBy[side], $"a second RESET of {frame.Id}");
                (reset.ResetBy[side], reset.EndSent[side]) = (true, true);
                break;
            case Raw.StopSending:
                Assert.True(_streams[frame.Id].Kind != 0 || _streams[frame.Id].Opener != side, $"STOP_SENDING of {frame.Id}, on which nothing comes");
                break;
            case Raw.Window:
                Assert.True(_streams[frame.Id].Kind != 0 || _streams[frame.Id].Opener != side, $"WINDOW of {frame.Id}, on which nothing comes");
                break;
            case Raw.Ack:
                _streams[frame.Id].SentAck(side, (long)frame.Code);
                break;
            case Raw.MaxStreams:
                Assert.True((long)frame.Id > _said[side], $"MAX_STREAMS {frame.Id} after {_said[side]}");
                _said[side] = (long)frame.Id;
                break;
        }
    }

    /// <summary>All frames of one write have left: MAX_STREAMS overtakes, within the write, the FIN that it is owed to.</summary>
    public void SentAll(int side)
    {
        long over = _streams.Values.Count(stream => stream.Opener != side && stream.IsOverAt(side));
        Assert.True(_said[side] <= maxStreams + over, $"MAX_STREAMS {_said[side]} with {over} over");
    }

    /// <summary>A frame reaches a side.</summary>
    public void Arrived(int side, RawFrame frame)
    {
        switch (frame.Type)
        {
            case Raw.Open:
                _streams[frame.Id].OpenArrived = true;
                break;
            case Raw.Data:
                _streams[frame.Id].ArrivedData(side, frame);
                break;
            case Raw.Reset:
                Watched reset = _streams[frame.Id];
                (reset.ResetArrived[side], reset.EndArrived[side]) = (true, true);
                break;
            case Raw.StopSending:
                _streams[frame.Id].StopArrived[side] = true;
                break;
            case Raw.Window:
                _streams[frame.Id].Credit[side] += (long)frame.Code;
                break;
            case Raw.MaxStreams:
                _allowed[side] = Math.Max(_allowed[side], (long)frame.Id);
                break;
        }
    }

    /// <summary>One stream; arrays are by side.</summary>
    internal sealed class Watched(RawFrame open, int opener, long window)
    {
        private readonly Queue<long> _acksDue = new();
        private int _acksAsked;

        public ulong Id { get; } = open.Id;

        public int Opener => opener;

        public byte Kind { get; } = KindOf(open);

        public string Protocol { get; } = ProtocolOf(open);

        /// <summary>What each side may send still.</summary>
        public long[] Credit { get; } = [window, window];

        public bool OpenArrived { get; set; }

        public bool[] EndSent { get; } = [false, false];

        public bool[] EndArrived { get; } = [false, false];

        public bool[] ResetBy { get; } = [false, false];

        public bool[] ResetArrived { get; } = [false, false];

        public bool[] StopArrived { get; } = [false, false];

        /// <summary>Bytes of DATA that reached each side.</summary>
        public long[] Bytes { get; } = [0, 0];

        /// <summary>Messages that reached the acceptor whole.</summary>
        public int Messages { get; private set; }

        /// <summary>A request was complete before anybody ended it.</summary>
        public bool BodyComplete { get; private set; }

        public bool IsOverAt(int side) => (EndSent[side] || (Kind == 0 && side != opener)) && (EndArrived[side] || (Kind == 0 && side == opener));

        public void SentData(int side, RawFrame frame)
        {
            Assert.True(Kind != 0 || side == opener, $"DATA of the acceptor of {Id}");
            Assert.False(EndSent[side], $"DATA on {Id} after its end");
            long cost = frame is { Body.Length: 0, Flags: Raw.Fin } ? 0 : 32 + frame.Body.Length;
            Assert.True(cost <= Credit[side], $"DATA of {cost} on {Id} with credit {Credit[side]}");
            Credit[side] -= cost;
            EndSent[side] = (frame.Flags & Raw.Fin) != 0;
            _acksAsked += (frame.Flags & Raw.AckFlag) != 0 ? 1 : 0;
        }

        public void ArrivedData(int side, RawFrame frame)
        {
            Bytes[side] += frame.Body.Length;
            Messages += (frame.Flags & Raw.Eom) != 0 ? 1 : 0;
            if ((frame.Flags & Raw.Fin) != 0)
            {
                EndArrived[side] = true;
                BodyComplete |= side != opener && !ResetBy[side] && !ResetArrived[side];
            }
        }

        /// <summary>A handler of a message with the ACK flag is told to return.</summary>
        public void AckDue(long code) => _acksDue.Enqueue(code);

        public void SentAck(int side, long code)
        {
            Assert.True(Kind == 0 && side != opener && --_acksAsked >= 0, $"an ACK on {Id} that nobody asked for");
            Assert.True(_acksDue.TryDequeue(out long due) && due == code, $"ACK {code} on {Id} in place of {due}");
        }

        public override string ToString() => $"stream {Id} ({Protocol}, kind {Kind})";

        private static byte KindOf(RawFrame open) => open.Payload[1 << (open.Payload[0] >> 6)];

        // id, kind, length (a varint of one byte), name, no extensions.
        private static string ProtocolOf(RawFrame open)
        {
            int at = (1 << (open.Payload[0] >> 6)) + 1;
            return System.Text.Encoding.ASCII.GetString(open.Payload, at + 1, open.Payload[at]);
        }
    }
}
