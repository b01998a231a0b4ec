using System.Text;
using Meshara.Tests;
using Meshara.Tests.Support;
using Xunit;

namespace Meshara.Mdns.Tests.Support;

/// <summary>A Debian avahi-daemon in a network namespace, on a message bus of its own, so that nothing of the machine is touched. Skipped with the reason where it is missing.</summary>
internal sealed class AvahiHost : IAsyncDisposable
{
    private const string Daemon = "/usr/sbin/avahi-daemon";

    private readonly NetworkNamespace _network;
    private readonly TempFolder _folder = new();
    private readonly List<LineProcess> _running = [];

    private AvahiHost(NetworkNamespace network) => _network = network;

    private string Bus => $"DBUS_SYSTEM_BUS_ADDRESS=unix:path={_folder["bus"]}";

    /// <summary>Starts it and waits until it takes part.</summary>
    /// <param name="network">Where.</param>
    /// <param name="hostName">The label of its host; no other host of the network has it.</param>
    public static async Task<AvahiHost> StartAsync(NetworkNamespace network, string hostName = "avahi-host")
    {
        string[] missing = [.. new[] { Daemon, "/usr/bin/avahi-browse", "/usr/bin/avahi-publish-service", "/usr/bin/dbus-daemon" }.Where(static f => !File.Exists(f))];
        Assert.SkipUnless(missing.Length == 0, $"Missing: {string.Join(", ", missing)}; apt-get install avahi-daemon avahi-utils dbus.");
        AvahiHost host = new(network);
        try
        {
            await host.StartAsync(hostName);
            return host;
        }
        catch
        {
            await host.DisposeAsync();
            throw;
        }
    }

    /// <summary>Publishes a service and waits until Avahi has established it.</summary>
    /// <param name="arguments">Those of avahi-publish-service: name, type, port, strings of the TXT record.</param>
    /// <returns>What publishes it (its end withdraws it), and the name that it got.</returns>
    public async Task<(LineProcess Publisher, string Name)> PublishAsync(params string[] arguments)
    {
        const string Established = "Established under name '";
        LineProcess publisher = Run("avahi-publish-service", arguments);
        string line = await publisher.SaysAsync(static l => l.StartsWith(Established, StringComparison.Ordinal));
        return (publisher, line[Established.Length..^1]);
    }

    /// <summary>Browses and resolves until it is ended.</summary>
    public AvahiBrowser Browse(string type) => new(Run("avahi-browse", "-rpk", type));

    /// <summary>Asks again and again until it resolves an instance so.</summary>
    public async Task<AvahiService> ResolvesFreshAsync(string type, string name, Func<AvahiService, bool> isIt)
    {
        AvahiService? found = null;
        await Eventually.TrueAsync(async () =>
        {
            IReadOnlyCollection<string> lines = await Run("avahi-browse", "-rptk", type).EndsAsync();
            found = lines.Where(l => AvahiBrowser.Is(l, '=', name)).Select(AvahiService.Parse).FirstOrDefault(isIt);
            return found is not null;
        });
        return found!;
    }

    /// <summary>The types of service on the network, as Avahi knows them now (RFC 6763 section 9).</summary>
    public async Task<IReadOnlyCollection<string>> TypesAsync()
    {
        LineProcess browse = Run("avahi-browse", "-aptk");
        return [.. (await browse.EndsAsync()).Select(static l => l.Split(';')).Where(static p => p.Length > 4).Select(static p => p[4]).Distinct()];
    }

    /// <summary>SIGTERM: it says goodbye for all that it published.</summary>
    public Task TerminateAsync() => _running[1].TerminateAsync();

    public async ValueTask DisposeAsync()
    {
        foreach (LineProcess process in Enumerable.Reverse(_running))
            await process.DisposeAsync();
        _folder.Dispose();
    }

    private async Task StartAsync(string hostName)
    {
        await File.WriteAllTextAsync(_folder["bus.conf"], $"""
            <!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN" "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
            <busconfig>
              <type>system</type>
              <listen>unix:path={_folder["bus"]}</listen>
              <auth>EXTERNAL</auth>
              <policy context="default"><allow user="*"/><allow own="*"/><allow send_destination="*"/><allow receive_sender="*"/></policy>
            </busconfig>
            """);
        await File.WriteAllTextAsync(_folder["avahi.conf"], $"""
            [server]
            host-name={hostName}
            use-ipv4=yes
            use-ipv6=yes
            enable-dbus=yes
            [wide-area]
            enable-wide-area=no
            [publish]
            publish-workstation=no
            publish-hinfo=no
            [rlimits]
            """);
        LineProcess bus = Add(LineProcess.Start(_network, "dbus-daemon", $"--config-file={_folder["bus.conf"]}", "--nofork", "--nopidfile", "--print-address=1"));
        await bus.SaysAsync(static l => l.StartsWith("unix:", StringComparison.Ordinal));
        // Its folder for pid and socket is fixed: a /run of its own, in the mount namespace that `ip netns exec` makes.
        const string Start = "mount -t tmpfs tmpfs /run && exec \"$@\"";
        LineProcess daemon = Run("sh", "-c", Start, "sh", Daemon, "--no-drop-root", "--no-chroot", "--no-rlimits", "--no-proc-title", "-f", _folder["avahi.conf"]);
        await daemon.SaysAsync(static l => l.StartsWith("Server startup complete", StringComparison.Ordinal));
    }

    private LineProcess Run(string program, params string[] arguments) => Add(LineProcess.Start(_network, "env", [Bus, "LC_ALL=C.UTF-8", program, .. arguments]));

    private LineProcess Add(LineProcess process)
    {
        _running.Add(process);
        return process;
    }
}

/// <summary>A running <c>avahi-browse -rp</c>.</summary>
internal sealed class AvahiBrowser(LineProcess process)
{
    /// <summary>Waits until it found and resolved an instance on a cable of the network.</summary>
    /// <param name="name">The instance.</param>
    /// <param name="family">4 or 6: through which family it was heard.</param>
    public async Task<AvahiService> ResolvesAsync(string name, string family) =>
        AvahiService.Parse(await process.SaysAsync(l => Is(l, '=', name) && l.Split(';')[2] == $"IPv{family}"));

    /// <summary>Waits until it says that an instance is gone.</summary>
    public Task LosesAsync(string name) => process.SaysAsync(l => Is(l, '-', name));

    /// <summary>Ends it.</summary>
    public Task StopAsync() => process.KillAsync();

    /// <summary>Whether a line says that of the instance, on a cable.</summary>
    public static bool Is(string line, char sign, string name)
    {
        string[] parts = line.Split(';');
        return parts.Length > 5 && line[0] == sign && parts[1] != "lo" && AvahiService.Unescape(parts[3]) == name;
    }
}

/// <summary>What avahi-browse resolved.</summary>
internal sealed record AvahiService(string Interface, string HostName, string Address, int Port, IReadOnlySet<string> Strings)
{
    public static AvahiService Parse(string line)
    {
        string[] parts = line.Split(';', 10);
        return new(parts[1], parts[6], parts[7], int.Parse(parts[8]), Quoted(parts[9]));
    }

    /// <summary>Its escapes, <c>\046</c> and <c>\.</c>, are those of a name in a zone file: the numbers decimal, of bytes.</summary>
    public static string Unescape(string text)
    {
        List<byte> bytes = [];
        byte[] given = Encoding.UTF8.GetBytes(text);
        int at = 0;
        while (at < given.Length)
        {
            bool isEscape = given[at] == '\\' && at + 1 < given.Length;
            bool isNumber = isEscape && char.IsAsciiDigit((char)given[at + 1]);
            bytes.Add(isNumber ? byte.Parse(given.AsSpan(at + 1, 3)) : given[isEscape ? at + 1 : at]);
            at += isNumber ? 4 : isEscape ? 2 : 1;
        }

        return Encoding.UTF8.GetString([.. bytes]);
    }

    private static HashSet<string> Quoted(string text) =>
        text.Length < 2 ? [] : [.. text[1..^1].Split("\" \"", StringSplitOptions.RemoveEmptyEntries).Select(Unescape)];
}
