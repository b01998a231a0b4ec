using System.Diagnostics;
using System.Text.Json;
using Meshara.Tests.Tidy;
using Xunit;

namespace Meshara.Tests.Support;

/// <summary>tests/interop/meshara_peer.py, an implementation of the specification that shares nothing with ours. Skipped where python3 is missing.</summary>
internal sealed class PythonPeer : IAsyncDisposable
{
    private readonly Node _node;
    private readonly Process _process;
    private readonly Task<string> _errors;
    private readonly List<string> _lines = [];

    private readonly TempFolder _temp;

    private PythonPeer(Node node, Process process, TempFolder temp)
    {
        _node = node;
        _process = process;
        _temp = temp;
        _process.StandardInput.Close();
        _errors = process.StandardError.ReadToEndAsync();
    }

    /// <summary>Where it keeps its certificate; gone with it, however it ends.</summary>
    public string Temporary => _temp.Path;

    private static TimeSpan Guard => NodeBed.Guard;

    /// <summary>Runs a script of the folder; -B, because it leaves no compiled files in the repository.</summary>
    public static Process Script(string name, params string[] arguments) => ScriptIn(temporary: null, name, arguments);

    /// <summary>Dials <paramref name="node"/>; <paramref name="arguments"/> are options and steps.</summary>
    public static PythonPeer Dial(Node node, params string[] arguments)
    {
        TempFolder temp = new();
        try
        {
            return new PythonPeer(node, ScriptIn(temp.Path, "meshara_peer.py", ["--connect", node.Addresses[0].HostAndPort, "--mesh", "test", .. arguments]), temp);
        }
        catch
        {
            temp.Dispose();
            throw;
        }
    }

    /// <summary>The next line of this event; others are passed over.</summary>
    public async Task<JsonElement> NextAsync(string name)
    {
        while (await _process.StandardOutput.ReadLineAsync().WaitAsync(Guard) is { } line)
        {
            _lines.Add(line);
            JsonElement found = JsonElement.Parse(line);
            if (found.GetProperty("event").GetString() == name)
            {
                return found;
            }
        }

        throw new InvalidOperationException($"python ended without \"{name}\". It said:\n{string.Join('\n', _lines)}\n{await _errors.WaitAsync(Guard)}");
    }

    /// <summary>Its id and role in section 5.5, once the link is live for both: the one with the greater id has it first.</summary>
    public async Task<(NodeId Id, string Role)> LinkedAsync()
    {
        JsonElement linked = await NextAsync("linked");
        NodeId id = NodeId.Parse(linked.GetProperty("id").GetString()!);
        await Eventually.TrueAsync(() => _node.ListPeers().Any(p => p.Id == id));
        return (id, linked.GetProperty("role").GetString()!);
    }

    /// <summary>Every step went well, and both sides said GOODBYE and DONE.</summary>
    public async Task AssertCleanEndAsync()
    {
        Assert.True((await NextAsync("closed")).GetProperty("clean").GetBoolean(), string.Join('\n', _lines));
        await _process.WaitForExitAsync().WaitAsync(Guard);
        Assert.True(_process.ExitCode == 0, await _errors.WaitAsync(Guard));
    }

    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited)
        {
            _process.Kill();
        }

        await _process.WaitForExitAsync().WaitAsync(Guard);
        await _errors.WaitAsync(Guard);
        _process.Dispose();
        _temp.Dispose();
    }

    private static Process ScriptIn(string? temporary, string name, string[] arguments) =>
        Tool.StartIn(temporary, "python3", ["-B", Repository.Absolute($"tests/interop/{name}"), .. arguments]);
}
