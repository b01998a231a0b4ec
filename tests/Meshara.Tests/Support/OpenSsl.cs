using System.Diagnostics;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Xunit;

namespace Meshara.Tests.Support;

/// <summary>The real openssl command (3.x), as a second opinion and as a hostile peer; tests that need it are skipped where it is missing.</summary>
internal sealed class OpenSsl : IAsyncDisposable
{
    private static readonly TimeSpan Guard = TimeSpan.FromSeconds(30);
    private static readonly Lazy<bool> IsThere = new(static () =>
    {
        try
        {
            return Run("version").Output.StartsWith("OpenSSL 3", StringComparison.Ordinal);
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return false;
        }
    });

    private readonly Process _process;
    private readonly StringBuilder _output = new();
    private readonly TaskCompletionSource<int> _port = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly List<(string Text, TaskCompletionSource Seen)> _waiters = [];

    private OpenSsl(string[] arguments)
    {
        _process = Create(arguments);
        _process.OutputDataReceived += (_, e) => Take(e.Data);
        _process.ErrorDataReceived += (_, e) => Take(e.Data);
        _process.Start();
        _process.BeginOutputReadLine();
        _process.BeginErrorReadLine();
    }

    /// <summary>The port that s_server chose.</summary>
    public Task<int> PortAsync => _port.Task.WaitAsync(Guard);

    /// <summary>All that it has written so far.</summary>
    public string Output
    {
        get
        {
            lock (_output)
            {
                return _output.ToString();
            }
        }
    }

    public static void SkipIfMissing() => Assert.SkipUnless(IsThere.Value, "OpenSSL 3 is not on the path.");

    /// <summary>Runs to the end.</summary>
    public static (int ExitCode, string Output, byte[] Bytes) Run(params string[] arguments) => Run([], arguments);

    /// <summary>Runs to the end with <paramref name="input"/> on standard input.</summary>
    public static (int ExitCode, string Output, byte[] Bytes) Run(byte[] input, string[] arguments)
    {
        using Process process = Create(arguments);
        process.Start();
        process.ErrorDataReceived += static (_, _) => { };
        process.BeginErrorReadLine();
        process.StandardInput.BaseStream.Write(input);
        process.StandardInput.Close();
        using MemoryStream output = new();
        process.StandardOutput.BaseStream.CopyTo(output);
        process.WaitForExit();
        return (process.ExitCode, Encoding.UTF8.GetString(output.ToArray()), output.ToArray());
    }

    /// <summary>Starts s_client or s_server; disposing kills it.</summary>
    public static OpenSsl Start(params string[] arguments) => new(arguments);

    /// <summary>Writes certificate and key as one PEM file, as openssl reads them.</summary>
    public static string WritePem(string directory, string name, X509Certificate2 certificate, AsymmetricAlgorithm? key = null)
    {
        string path = Path.Combine(directory, name);
        File.WriteAllText(path, certificate.ExportCertificatePem() + "\n" + key?.ExportPkcs8PrivateKeyPem() + "\n");
        return path;
    }

    public async Task WriteLineAsync(string text)
    {
        await _process.StandardInput.WriteLineAsync(text);
        await _process.StandardInput.FlushAsync();
    }

    /// <summary>Waits until the output contains <paramref name="text"/>.</summary>
    public Task WaitForAsync(string text)
    {
        lock (_output)
        {
            if (_output.ToString().Contains(text, StringComparison.Ordinal))
            {
                return Task.CompletedTask;
            }

            TaskCompletionSource seen = new(TaskCreationOptions.RunContinuationsAsynchronously);
            _waiters.Add((text, seen));
            return seen.Task.WaitAsync(Guard);
        }
    }

    /// <summary>Waits for its end and the end of its output.</summary>
    public Task WaitForExitAsync() => _process.WaitForExitAsync().WaitAsync(Guard);

    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited)
        {
            _process.Kill();
        }

        await _process.WaitForExitAsync().WaitAsync(Guard);
        _process.Dispose();
    }

    private static Process Create(string[] arguments) => new()
    {
        StartInfo = new ProcessStartInfo("openssl", arguments)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            UseShellExecute = false,
        },
    };

    private void Take(string? line)
    {
        if (line is null)
        {
            return;
        }

        lock (_output)
        {
            _output.AppendLine(line);
            string all = _output.ToString();
            foreach ((string _, TaskCompletionSource seen) in _waiters.Where(w => all.Contains(w.Text, StringComparison.Ordinal)))
            {
                seen.TrySetResult();
            }
        }

        // s_server -accept 127.0.0.1:0 says "ACCEPT 127.0.0.1:40321".
        if (line.StartsWith("ACCEPT ", StringComparison.Ordinal) && int.TryParse(line[(line.LastIndexOf(':') + 1)..], out int port))
        {
            _port.TrySetResult(port);
        }
    }
}
