using System.Collections.Concurrent;
using Meshara.Wire;

namespace Meshara.Net;

/// <summary>What the application registered, by protocol. Filled by the application only, so it needs no cap.</summary>
internal sealed class Handlers
{
    private readonly ConcurrentDictionary<string, Func<Message, CancellationToken, ValueTask>> _messages = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, Func<Message, CancellationToken, ValueTask<ReadOnlyMemory<byte>>>> _requests = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, Func<MeshStream, CancellationToken, ValueTask>> _streams = new(StringComparer.Ordinal);
    private readonly Dictionary<string, StreamKind> _own = new(StringComparer.Ordinal);
    private Func<Message, CancellationToken, ValueTask>? _any;
    private int _version;

    /// <summary>Another number each time that a handler has come or gone: what was found before may be looked up again.</summary>
    public int Version => Volatile.Read(ref _version);

    public Func<Message, CancellationToken, ValueTask>? FindMessage(string protocol) =>
        _messages.GetValueOrDefault(protocol) ?? (ProtocolName.IsReserved(protocol) ? null : Volatile.Read(ref _any));

    public Func<Message, CancellationToken, ValueTask<ReadOnlyMemory<byte>>>? FindRequest(string protocol) => _requests.GetValueOrDefault(protocol);

    public Func<MeshStream, CancellationToken, ValueTask>? FindStream(string protocol) => _streams.GetValueOrDefault(protocol);

    public IDisposable AddMessages(string protocol, Func<Message, CancellationToken, ValueTask> handler) => Add(_messages, protocol, handler);

    public IDisposable AddRequests(string protocol, Func<Message, CancellationToken, ValueTask<ReadOnlyMemory<byte>>> handler) => Add(_requests, protocol, handler);

    public IDisposable AddStreams(string protocol, Func<MeshStream, CancellationToken, ValueTask> handler) => Add(_streams, protocol, handler);

    /// <summary>Registers one of the node's own protocols, before there is any link.</summary>
    public void AddOwnMessages(string protocol, Func<Message, CancellationToken, ValueTask> handler)
    {
        _own.Add(protocol, StreamKind.Messages);
        _messages[protocol] = handler;
        Interlocked.Increment(ref _version);
    }

    /// <summary>As <see cref="AddOwnMessages"/>.</summary>
    public void AddOwnRequests(string protocol, Func<Message, CancellationToken, ValueTask<ReadOnlyMemory<byte>>> handler)
    {
        _own.Add(protocol, StreamKind.Request);
        _requests[protocol] = handler;
    }

    /// <summary>The only kind of stream that one of the node's own protocols has; null: it is none of these.</summary>
    public StreamKind? OwnKindOf(string protocol) => _own.TryGetValue(protocol, out StreamKind kind) ? kind : null;

    /// <summary>Registers the handler of messages that no other takes.</summary>
    /// <exception cref="InvalidOperationException">There is one already.</exception>
    public IDisposable AddAny(Func<Message, CancellationToken, ValueTask> handler) =>
        Interlocked.CompareExchange(ref _any, handler, null) is null
            ? Registered(() => Interlocked.CompareExchange(ref _any, null, handler))
            : throw new InvalidOperationException("There is a catch-all handler already; dispose its registration first.");

    private Registration Add<T>(ConcurrentDictionary<string, T> table, string protocol, T handler)
        where T : Delegate
    {
        ProtocolName.ThrowIfInvalid(protocol);
        ProtocolName.ThrowIfReserved(protocol);
        return table.TryAdd(protocol, handler)
            ? Registered(() => table.TryRemove(new KeyValuePair<string, T>(protocol, handler)))
            : throw new InvalidOperationException($"Protocol '{protocol}' has a handler of this shape already; dispose its registration first.");
    }

    private Registration Registered(Action remove)
    {
        Interlocked.Increment(ref _version);
        return new Registration(() =>
        {
            remove();
            Interlocked.Increment(ref _version);
        });
    }

    private sealed class Registration(Action remove) : IDisposable
    {
        public void Dispose() => remove();
    }
}
