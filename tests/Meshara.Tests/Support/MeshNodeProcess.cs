using System.Diagnostics;
using System.Globalization;

namespace Meshara.Tests.Support;

/// <summary>tests/Meshara.MeshNode in a process of its own, which is built beside this suite in the same configuration.</summary>
internal sealed class MeshNodeProcess : IAsyncDisposable
{
    private static readonly TimeSpan Guard = TimeSpan.FromSeconds(120);

    private readonly Process _process;
    private readonly Task<string> _errors;
    private readonly TaskCompletionSource<PeerAddress> _address = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Task _reading;
    private volatile IReadOnlySet<NodeId> _peers = new HashSet<NodeId>();

    private MeshNodeProcess(Process process)
    {
        _process = process;
        _errors = process.StandardError.ReadToEndAsync();
        _reading = ReadAsync();
    }

    /// <summary>As it said last.</summary>
    public IReadOnlySet<NodeId> Peers => _peers;

    public Task<PeerAddress> Address => _address.Task.WaitAsync(Guard);

    public static MeshNodeProcess Start(string folder, int port)
    {
        string[] command = HelperProgram.Command("Meshara.MeshNode", folder, port.ToString(CultureInfo.InvariantCulture));
        return new MeshNodeProcess(Tool.Start(command[0], command[1..]));
    }

    public Task LearnAsync(PeerAddress address) => TellAsync($"learn {address}");

    /// <summary>Says goodbye to its peers and ends.</summary>
    public async Task QuitAsync()
    {
        await TellAsync("quit");
        await _process.WaitForExitAsync().WaitAsync(Guard);
    }

    /// <summary>SIGKILL.</summary>
    public async Task KillAsync()
    {
        _process.Kill();
        await _process.WaitForExitAsync().WaitAsync(Guard);
    }

    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited)
        {
            await KillAsync();
        }

        await _reading.WaitAsync(Guard);
        await _errors.WaitAsync(Guard);
        _process.Dispose();
    }

    private async Task TellAsync(string line)
    {
        await _process.StandardInput.WriteLineAsync(line);
        await _process.StandardInput.FlushAsync();
    }

    private async Task ReadAsync()
    {
        while (await _process.StandardOutput.ReadLineAsync() is { } line)
        {
            string[] words = line.Split(' ');
            if (words[^1] != ".")
            {
                // Killed within the line.
                continue;
            }

            if (words[0] == "address")
            {
                _address.TrySetResult(PeerAddress.Parse(words[1]));
            }
            else
            {
                _peers = words[1].Split(',', StringSplitOptions.RemoveEmptyEntries).Select(NodeId.Parse).ToHashSet();
            }
        }

        if (!_address.Task.IsCompleted)
        {
            _address.TrySetException(new InvalidOperationException($"The node ended: {await _errors}"));
        }
    }
}
