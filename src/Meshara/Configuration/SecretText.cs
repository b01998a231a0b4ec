using System.Text;
using Meshara.Storage;

namespace Meshara.Configuration;

/// <summary>A file that holds one secret and nothing else.</summary>
internal static class SecretText
{
    private const int Longest = 64 << 10;

    /// <summary>Reads it, without white space at both ends.</summary>
    /// <param name="path">The file.</param>
    /// <param name="wrong">Makes the error from what is wrong.</param>
    public static string Read(string path, Func<string, MesharaException> wrong)
    {
        if (FileStatus.WhyNotRegular(path) is { } kind)
        {
            throw wrong($"names {Printable.Quote(path)}, which is {kind}; a regular file is allowed");
        }

        string text;
        try
        {
            using FileStream file = File.OpenRead(path);
            byte[] bytes = new byte[Longest + 1];
            int length = file.ReadAtLeast(bytes, bytes.Length, throwOnEndOfStream: false);
            if (length > Longest)
            {
                throw wrong($"names {Printable.Quote(path)}, which is longer than {Longest} bytes: is it the right file?");
            }

            text = new UTF8Encoding(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true).GetString(bytes, 0, length).TrimStart('\uFEFF').Trim();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException or NotSupportedException)
        {
            throw wrong($"names {Printable.Quote(path)}, which cannot be read as text: {e.Message.TrimEnd('.')}");
        }

        return text.Length > 0 ? text : throw wrong($"names {Printable.Quote(path)}, which is empty");
    }
}
