using System.Globalization;
using System.Net;
using System.Security.Authentication;
using Meshara.Core;
using Meshara.Security;
using Meshara.Wire;

namespace Meshara.Net.Diagnosis;

/// <summary>Dials one address as a node does, with HELLO's purpose probe (wire protocol section 6), and notes each step. Displaces nothing, and the mesh does not hear of it.</summary>
/// <remarks>known → name → connect → tls → identity → hello → limit → link. What this node holds against the other side ends nothing: what the other side says is of use too.</remarks>
internal sealed class DialProbe(DialProbeContext context, PeerAddress address, TimeSpan limit)
{
    private readonly List<DialStep> _steps = [];
    private PeerAddress _address = null!;
    private DialOutlook? _outlook;
    private DialStepKind _current;
    private long _began;
    private NodeId? _answered;
    private Hello? _remote;
    private TimeSpan? _roundTrip;

    private string At => address.HostAndPort;

    /// <summary>Never throws but for the token.</summary>
    public async Task<DialDiagnosis> RunAsync(CancellationToken ct)
    {
        _address = address;
        using CancellationTokenSource late = new(limit, context.Clock.Provider);
        using CancellationTokenSource either = CancellationTokenSource.CreateLinkedTokenSource(ct, late.Token);
        try
        {
            await StepsAsync(either.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (!ct.IsCancellationRequested)
        {
            Fail(MesharaErrorCode.ConnectTimeout, $"It did not come to an end within the {DialTexts.Seconds(limit)} that were given to all steps.");
        }
        catch (MesharaException e)
        {
            Fail(e.Code, e.Message);
        }

        return new DialDiagnosis
        {
            Address = address,
            Steps = _steps,
            Answered = _answered,
            RemoteMesh = _remote?.Mesh,
            RemoteAgent = _remote?.Agent,
            RoundTripTime = _roundTrip,
        };
    }

    private async Task StepsAsync(CancellationToken ct)
    {
        Begin(DialStepKind.Known);
        if (!await KnownAsync().ConfigureAwait(false))
        {
            return;
        }

        TransportConnection? transport = await ConnectAsync(ct).ConfigureAwait(false);
        if (transport is null)
        {
            return;
        }

        SecureChannel? channel = await ShakeAsync(transport, ct).ConfigureAwait(false);
        if (channel is not null)
        {
            await using (channel.ConfigureAwait(false))
            {
                await GreetAsync(channel, ct).ConfigureAwait(false);
            }
        }
    }

    // ---- known ----

    private async Task<bool> KnownAsync()
    {
        PeerRefused? refusal = null;
        if (context.Ask is not null)
        {
            (_outlook, refusal) = await context.Ask(_address).ConfigureAwait(false);
            _address = _outlook.Id is { } current ? _address with { Id = current } : _address;
        }

        DialStep known = _address.Id == context.Handshake.Id
            ? new DialStep(DialStepKind.Known, DialStepOutcome.Failed, $"{_address.Id} is the id of this node itself.")
            {
                Code = MesharaErrorCode.Self,
                Advice = DialTexts.AdviceFor(MesharaErrorCode.Self, context.Certificate.PublicKey, null),
            }
            : DialTexts.Known(_address, _outlook, refusal, context.Clock);
        Add(known);
        return known.Code != MesharaErrorCode.Self;
    }

    // ---- name and connect ----

    private async Task<TransportConnection?> ConnectAsync(CancellationToken ct)
    {
        if (context.LookUp is null)
        {
            Begin(DialStepKind.Connect);
            TransportConnection other = await WithinAsync(t => context.Transport.ConnectAsync(_address.Host, _address.Port, t), context.Timeouts.Connect, ct).ConfigureAwait(false);
            Pass($"{At} took the connection.");
            return other;
        }

        Begin(DialStepKind.Name);
        if (await ResolveAsync(context.LookUp, ct).ConfigureAwait(false) is not { } addresses)
        {
            return null;
        }

        Begin(DialStepKind.Connect);
        TcpAttempts attempts = new(context);
        try
        {
            TransportConnection made = await WithinAsync(t => attempts.ConnectAsync(_address.Host, _address.Port, addresses, t), context.Timeouts.Connect, ct).ConfigureAwait(false);
            string way = LocalRoute.OfLocal(made.LocalAddress) is { } local ? $", {local}" : "";
            string where = IPAddress.TryParse(made.RemoteHost, out IPAddress? ip) ? LocalRoute.Show(ip) : made.RemoteHost;
            Pass($"{PeerAddress.Join(where, _address.Port)} took the TCP connection{way}.{(attempts.Count > 1 ? $" Tried: {attempts.Describe()}." : "")}");
            return made;
        }
        catch (MesharaException e)
        {
            Fail(e.Code, $"{e.Message} {LocalRoute.Describe(addresses[0])}");
            return null;
        }
        catch (OperationCanceledException) when (!ct.IsCancellationRequested)
        {
            FailSilent(attempts, addresses);
            return null;
        }
    }

    private async Task<IPAddress[]?> ResolveAsync(LookUp lookUp, CancellationToken ct)
    {
        if (TcpNames.WithoutLookUp(_address.Host, out string? wrong) is { } known)
        {
            if (known is [{ } only] && (only.Equals(IPAddress.Any) || only.Equals(IPAddress.IPv6Any)))
            {
                wrong = "this is a wildcard to listen on. Use an address of that machine.";
            }

            if (wrong is not null)
            {
                Fail(MesharaErrorCode.NameNotResolved, $"Cannot connect to {At}: {wrong}");
                return null;
            }

            Pass($"{_address.Host} needs no look-up.");
            return known;
        }

        try
        {
            IPAddress[] found = await WithinAsync(t => TcpNames.ResolveAllAsync(_address.Host, lookUp, t), context.Timeouts.Connect, ct).ConfigureAwait(false);
            Pass($"'{PeerText.Clean(_address.Host)}' has {found.Length} {(found.Length == 1 ? "address" : "addresses")}: {string.Join(", ", found.Take(8).Select(LocalRoute.Show))}.");
            return found;
        }
        catch (OperationCanceledException) when (!ct.IsCancellationRequested)
        {
            Fail(MesharaErrorCode.NameNotResolved, $"The name server did not answer within {DialTexts.Seconds(context.Timeouts.Connect)} when asked for '{PeerText.Clean(_address.Host)}'.", "Check this machine's network and name server, or use an IP address.");
            return null;
        }
    }

    private void FailSilent(TcpAttempts attempts, IPAddress[] addresses)
    {
        IPAddress first = attempts.Silent is [var silent, ..] ? silent : addresses[0];
        Fail(
            MesharaErrorCode.ConnectTimeout,
            $"{At} did not answer within {DialTexts.Seconds(context.Timeouts.Connect)}, not even with a refusal ({attempts.Describe()}). {LocalRoute.Describe(first)}",
            $"Packets are dropped on the way: a firewall there or here, or nobody has this address. On that machine open TCP port {_address.Port.ToString(CultureInfo.InvariantCulture)} and run 'meshara doctor'.");
    }

    // ---- TLS and who answers ----

    private async Task<SecureChannel?> ShakeAsync(TransportConnection transport, CancellationToken ct)
    {
        Begin(DialStepKind.Tls);
        NodeId? pin = _address.Id;
        ExpectedKey why = pin is { } id && context.IsPinned(id) ? ExpectedKey.Pinned : ExpectedKey.Named;
        SecureChannel channel;
        try
        {
            channel = await SecureChannel.ConnectAsync(
                transport.Stream, context.Certificate, pin, _outlook?.OlderKeys ?? [], At, context.Tls with { Expected = why }, ct).ConfigureAwait(false);
        }
        catch (MesharaException e) when (e.Code is MesharaErrorCode.PinMismatch or MesharaErrorCode.Self)
        {
            Pass("The TLS handshake came to the other side's key.");
            Begin(DialStepKind.Identity);
            Fail(e.Code, e.Message, e.Code == MesharaErrorCode.PinMismatch ? "Compare both ids with 'meshara id' on that machine before you accept another one." : null);
            return null;
        }

        Pass($"{(channel.Stream.SslProtocol == SslProtocols.Tls13 ? "TLS 1.3" : "TLS 1.2")}, ALPN meshara/1.");
        _answered = channel.RemoteId;
        await IdentityAsync(channel.RemoteId, pin).ConfigureAwait(false);
        return channel;
    }

    private async Task IdentityAsync(NodeId id, NodeId? pin)
    {
        Begin(DialStepKind.Identity);
        if (pin is not null)
        {
            Pass(id == pin ? $"{id} answered, as expected." : $"{id} answered, another key of the expected {pin} in a rotation.");
        }
        else if (context.Ask is null)
        {
            Pass($"{id} answered; nothing says who was expected.");
        }
        else
        {
            // Only now is it known who is there.
            (_outlook, _) = await context.Ask(_address with { Id = id }).ConfigureAwait(false);
            if (_outlook.BannedUntil is { } until)
            {
                Add(DialTexts.Banned(DialStepKind.Identity, id, context.Clock.UtcNow + (until - context.Clock.Now)));
            }
            else
            {
                Pass($"{id} answered; {(_outlook.IsKnown ? "it is a peer named by the operator" : "nobody is pinned at this address")}.");
            }
        }
    }

    // ---- HELLO to the link ----

    private async Task GreetAsync(SecureChannel channel, CancellationToken ct)
    {
        Begin(DialStepKind.Hello);
        using FrameReader reader = new(channel.Stream);
        Handshake handshake = new(channel, reader, dialer: true, At, context.Handshake, context.HandshakeOf);
        using CancellationTokenSource deadline = new(context.Timeouts.Hello, context.Clock.Provider);
        using CancellationTokenSource either = CancellationTokenSource.CreateLinkedTokenSource(ct, deadline.Token);
        try
        {
            HelloFacts facts = await handshake.ExchangeAsync(_address.Id is null ? null : channel.RemoteId, probe: true, either.Token).ConfigureAwait(false);
            HandshakeAnswer answer = await AnswerAsync(handshake, channel.RemoteId, either.Token).ConfigureAwait(false);
            if (answer.Failure is { } refused)
            {
                DialStep step = DialTexts.Refused(answer, refused, context.Certificate.PublicKey);
                Add(step with { Advice = step.Code == MesharaErrorCode.NotAdmitted && SecretWithoutMesh(facts) is { } first ? $"{first} {step.Advice}" : step.Advice });
            }
            else if (Judge(facts))
            {
                await SettleAsync(channel, reader, answer.NoPlace, either.Token).ConfigureAwait(false);
            }

            _remote = facts.Remote;
            await handshake.EndAsync(answer.Failure ?? (Exception)new OperationCanceledException(), CancellationToken.None).ConfigureAwait(false);
        }
        catch (Exception e) when (e is MesharaException or WireException or OperationCanceledException or IOException or ObjectDisposedException or AuthenticationException)
        {
            ct.ThrowIfCancellationRequested();
            MesharaException error = handshake.Explain(e, context.Timeouts.Hello);
            Fail(error.Code, error.Message);
            await handshake.EndAsync(e, CancellationToken.None).ConfigureAwait(false);
        }

        _remote ??= handshake.Remote;
    }

    // Section 5.5, rule 5: S gives READY without waiting, G only for READY. This node's own judgement comes after the other's: a probe gives nothing away.
    private async Task<HandshakeAnswer> AnswerAsync(Handshake handshake, NodeId remote, CancellationToken ct)
    {
        bool first = context.Handshake.Id < remote;
        if (first)
        {
            await handshake.SendReadyAsync(ReadOnlyMemory<byte>.Empty, ct).ConfigureAwait(false);
        }

        HandshakeAnswer answer = await handshake.ReadAnswerAsync(ct).ConfigureAwait(false);
        if (!first && answer.IsReady)
        {
            await handshake.SendReadyAsync(ReadOnlyMemory<byte>.Empty, ct).ConfigureAwait(false);
        }

        return answer;
    }

    // What a real link would meet on this side. False: it would be refused here.
    private bool Judge(HelloFacts facts)
    {
        string said = $"It admits this node: mesh '{PeerText.Clean(facts.Remote.Mesh)}', version {Handshake.Version}, {(facts.Remote.Agent.Length == 0 ? "program not said" : PeerText.Clean(facts.Remote.Agent))}.";
        bool known = _outlook?.IsKnown == true || (_answered is { } id && context.IsPinned(id));
        if (context.Admission == AdmissionMode.Secret && !facts.SecretProven && !known)
        {
            Fail(
                MesharaErrorCode.NotAdmitted,
                $"{said} But this node would not admit it: it did not prove the shared secret, and its key is not trusted here.",
                SecretWithoutMesh(facts) ?? "Give both nodes the same --secret-file, or run here 'meshara trust add' with the key that 'meshara id' shows there.");
            return false;
        }

        Pass(context.Admission == AdmissionMode.KnownPeers && !known && context.Ask is not null ? $"{said} Here it is not among the known peers: 'meshara add {_address}' makes it one." : said);
        return true;
    }

    // The key of the secret belongs to a mesh name, and a stranger's is none to derive it for.
    private string? SecretWithoutMesh(HelloFacts facts) => context.HandshakeOf is not null && context.Admission == AdmissionMode.Secret
        ? $"The shared secret was not offered, because no mesh was named: give --mesh with its name (this node says '{PeerText.Clean(facts.Remote.Mesh)}')."
        : null;

    // The link lives, and its end begins at once.
    private async Task SettleAsync(SecureChannel channel, FrameReader reader, NoPlace? missing, CancellationToken ct)
    {
        Begin(DialStepKind.Limit);
        bool goodbye = false;
        if (missing is null)
        {
            Pass("There is a place for this node.");
            Begin(DialStepKind.Link);
            goodbye = await PingAsync(channel, reader, ct).ConfigureAwait(false);
        }
        else
        {
            Add(DialTexts.NoPlace(At, missing));
        }

        await LeaveAsync(channel, reader, goodbye, ct).ConfigureAwait(false);
    }

    // Section 7.1. True: the other side has said GOODBYE meanwhile, which ends no PING.
    private async Task<bool> PingAsync(SecureChannel channel, FrameReader reader, CancellationToken ct)
    {
        const ulong Opaque = 1;
        byte[] frame = new byte[ControlFrames.MaxFrame];
        bool goodbye = false;
        long sent = context.Clock.Provider.GetTimestamp();
        await channel.Stream.WriteAsync(frame.AsMemory(0, ControlFrames.WritePing(frame, Opaque)), ct).ConfigureAwait(false);
        FrameType type;
        while ((type = await TakeAsync(reader, ct).ConfigureAwait(false)) != FrameType.Pong)
        {
            goodbye |= type == FrameType.Goodbye;
        }

        _roundTrip = context.Clock.Provider.GetElapsedTime(sent);
        Pass(string.Create(CultureInfo.InvariantCulture, $"A PING over the link came back after {_roundTrip.Value.TotalMilliseconds:0.00} ms."));
        return goodbye;
    }

    // Section 7.2.
    private async Task LeaveAsync(SecureChannel channel, FrameReader reader, bool goodbye, CancellationToken ct)
    {
        byte[] frame = new byte[ControlFrames.MaxFrame];
        using CancellationTokenSource drain = new(context.Timeouts.Drain, context.Clock.Provider);
        using CancellationTokenSource either = CancellationTokenSource.CreateLinkedTokenSource(ct, drain.Token);
        try
        {
            int length = ControlFrames.WriteGoodbye(frame, new Goodbye { Code = GoodbyeCode.ProbeDone });
            await channel.Stream.WriteAsync(frame.AsMemory(0, length), either.Token).ConfigureAwait(false);
            while (!goodbye)
            {
                goodbye = await TakeAsync(reader, either.Token).ConfigureAwait(false) == FrameType.Goodbye;
            }

            await channel.Stream.WriteAsync(frame.AsMemory(0, ControlFrames.WriteDone(frame)), either.Token).ConfigureAwait(false);
            while (await TakeAsync(reader, either.Token).ConfigureAwait(false) != FrameType.Done)
            {
            }
        }
        catch (Exception e) when (e is MesharaException or WireException or OperationCanceledException or IOException or ObjectDisposedException)
        {
            // What was to be found out is known.
        }
    }

    private static async Task<FrameType> TakeAsync(FrameReader reader, CancellationToken ct)
    {
        FrameHeader header;
        while (!reader.TryTake(FrameCodec.MaxPayload, out header, out _))
        {
            if (!await reader.FillAsync(ct).ConfigureAwait(false))
            {
                throw new MesharaException(MesharaErrorCode.LinkClosed, "The other side closed the link before it answered a PING.", isTransient: true);
            }
        }

        return header.Type;
    }

    // ---- steps ----

    private async Task<T> WithinAsync<T>(Func<CancellationToken, ValueTask<T>> work, TimeSpan time, CancellationToken ct)
    {
        using CancellationTokenSource deadline = new(time, context.Clock.Provider);
        using CancellationTokenSource either = CancellationTokenSource.CreateLinkedTokenSource(ct, deadline.Token);
        return await work(either.Token).ConfigureAwait(false);
    }

    private void Begin(DialStepKind kind)
    {
        _current = kind;
        _began = context.Clock.Provider.GetTimestamp();
    }

    private void Pass(string detail) => Add(new DialStep(_current, DialStepOutcome.Passed, detail));

    private void Fail(MesharaErrorCode code, string detail, string? advice = null) => Add(new DialStep(_current, DialStepOutcome.Failed, detail)
    {
        Code = code,
        Advice = advice ?? DialTexts.AdviceFor(code, context.Certificate.PublicKey, null),
    });

    private void Add(DialStep step) => _steps.Add(step with { Took = context.Clock.Provider.GetElapsedTime(_began) });
}
