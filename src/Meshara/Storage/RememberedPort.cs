using System.Globalization;
using System.Text;

namespace Meshara.Storage;

/// <summary>The file <c>port</c> in the data directory: the port a node got when it asked for none, so that its address stays the same. One number, text.</summary>
/// <param name="path">The file.</param>
internal sealed class RememberedPort(string path)
{
    private const int MaxSize = 16;

    /// <summary>Reads it.</summary>
    /// <param name="wrong">Why the file is of no use, for the log; null: it is right, or there is none.</param>
    /// <returns>1 to 65535; null: nothing is remembered.</returns>
    public int? Read(out string? wrong)
    {
        wrong = null;
        try
        {
            using FileStream file = new(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, bufferSize: 0);
            Span<byte> bytes = stackalloc byte[MaxSize];
            int length = file.ReadAtLeast(bytes, MaxSize, throwOnEndOfStream: false);
            string text = Encoding.UTF8.GetString(bytes[..length]);
            if (length < MaxSize && int.TryParse(text.TrimEnd('\r', '\n'), NumberStyles.None, CultureInfo.InvariantCulture, out int port) && port is > 0 and <= 65535)
            {
                return port;
            }

            wrong = $"it holds {(length == 0 ? "nothing" : Printable.Quote(text))}; a number from 1 to 65535 is expected";
            return null;
        }
        catch (FileNotFoundException)
        {
            return null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            wrong = e.Message;
            return null;
        }
    }

    /// <summary>Writes it, all or nothing.</summary>
    /// <returns>Why it could not be written, for the log: a node that cannot remember its port runs all the same. Null: done.</returns>
    public string? Write(int port)
    {
        try
        {
            AtomicFile.Replace(path, Encoding.ASCII.GetBytes(string.Create(CultureInfo.InvariantCulture, $"{port}\n")));
            return null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return e.Message;
        }
    }
}
