using System.Diagnostics;
using System.Text;
using Xunit;

namespace Meshara.Tests.Support;

/// <summary>A network of its own (ip netns) with a loopback interface, gone at the end of the test. Skipped where Linux, root or iproute2 is missing.</summary>
/// <remarks>
/// What is to see this network runs in a process of its own, started within. A thread of this process must not move into it:
/// threads that the pool starts from there would follow, and other tests would find themselves in the wrong network.
/// </remarks>
internal sealed class NetworkNamespace : IAsyncDisposable
{
    /// <summary>What <c>.ci/run</c> looks for in the reason of a skip: only root can make namespaces.</summary>
    private const string NeedsRoot = "Needs root: only it can make a network namespace.";

    private static readonly string Ip = File.Exists("/usr/sbin/ip") ? "/usr/sbin/ip" : File.Exists("/sbin/ip") ? "/sbin/ip" : "ip";
    private static int _last;

    private NetworkNamespace(string name) => Name = name;

    /// <summary>Its name for <c>ip netns</c>; no other has it.</summary>
    public string Name { get; }

    /// <summary>Makes a namespace whose loopback interface is up; addresses that are given to interfaces in it can be used at once (no duplicate address detection).</summary>
    public static async Task<NetworkNamespace> CreateAsync()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Network namespaces are of Linux.");
        Assert.SkipUnless(Environment.IsPrivilegedProcess, NeedsRoot);
        NetworkNamespace made = new($"meshara-{Environment.ProcessId}-{Interlocked.Increment(ref _last)}");
        (int exitCode, _, string error) = await Tool.RunAsync(Ip, "netns", "add", made.Name);
        Assert.SkipUnless(exitCode == 0, $"{NeedsRoot} This machine did not let us: {error.Trim()}");
        try
        {
            await made.SetAsync("net/ipv6/conf/all/accept_dad", "0");
            await made.SetAsync("net/ipv6/conf/default/accept_dad", "0");
            await made.IpAsync("link", "set", "lo", "up");
            return made;
        }
        catch
        {
            await made.DisposeAsync();
            throw;
        }
    }

    /// <summary>Joins two namespaces by a cable: an interface in each (a veth pair), both up, with IPv6 link-local addresses that can be used.</summary>
    /// <param name="other">The other end.</param>
    /// <param name="name">Name of the interface here and there, at most 15 characters.</param>
    /// <returns>The link-local address of each end, without a scope.</returns>
    public async Task<(string Here, string There)> ConnectAsync(NetworkNamespace other, string name = "cable0")
    {
        await IpAsync("link", "add", name, "type", "veth", "peer", "name", name, "netns", other.Name);
        await IpAsync("link", "set", name, "up");
        await other.IpAsync("link", "set", name, "up");
        return (await LinkLocalAsync(name), await other.LinkLocalAsync(name));
    }

    /// <summary>Gives an interface an address, <c>10.0.0.1/24</c> or <c>fd00::1/64</c>.</summary>
    public Task AddAddressAsync(string name, string address) =>
        IpAsync(address.Contains(':', StringComparison.Ordinal) ? ["addr", "add", address, "dev", name, "nodad"] : ["addr", "add", address, "dev", name]);

    /// <summary>Runs <c>ip</c> within and fails the test unless it succeeds.</summary>
    public async Task<string> IpAsync(params string[] arguments) => Encoding.UTF8.GetString(await Tool.OutputOfAsync(Ip, ["-n", Name, .. arguments]));

    /// <summary>Sets a kernel parameter within: a path below <c>/proc/sys</c>, for example <c>net/ipv6/conf/all/disable_ipv6</c>.</summary>
    public Task SetAsync(string parameter, string value) => RunAsync("sh", "-c", $"echo {value} > /proc/sys/{parameter}");

    /// <summary>Runs a program within to its end and fails the test unless it exits with 0.</summary>
    public async Task<string> RunAsync(string program, params string[] arguments)
    {
        string[] command = Command(program, arguments);
        return Encoding.UTF8.GetString(await Tool.OutputOfAsync(command[0], command[1..]));
    }

    /// <summary>Starts a program within; whoever starts it ends it. It is the process itself that is returned, not one around it.</summary>
    public Process Start(string program, params string[] arguments)
    {
        string[] command = Command(program, arguments);
        return Tool.Start(command[0], command[1..]);
    }

    /// <summary>The command line that runs a program within.</summary>
    public string[] Command(string program, params string[] arguments) => [Ip, "netns", "exec", Name, program, .. arguments];

    public async ValueTask DisposeAsync() => await Tool.OutputOfAsync(Ip, "netns", "del", Name);

    private async Task<string> LinkLocalAsync(string name)
    {
        // The kernel adds it when it has noticed that the cable is plugged in at both ends, which takes it a moment.
        using CancellationTokenSource guard = new(TimeSpan.FromSeconds(20), TimeProvider.System);
        while (true)
        {
            string[] words = (await IpAsync("-6", "-o", "addr", "show", "dev", name, "scope", "link", "-tentative")).Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries);
            int at = Array.IndexOf(words, "inet6");
            if (at >= 0)
            {
                return words[at + 1].Split('/')[0];
            }

            await Task.Delay(TimeSpan.FromMilliseconds(20), TimeProvider.System, guard.Token);
        }
    }
}
