using System.Globalization;
using System.Text;
using System.Text.Json;
using Meshara.Storage;

namespace Meshara.Cli.Running;

/// <summary>A configuration file: JSON, of which the section <c>Meshara</c> is read, so that it may be the <c>appsettings.json</c> of a host.</summary>
internal static class SettingsFile
{
    private const int Longest = 1 << 20;
    private const int Deepest = 16;
    private const string WhatToWrite = $"Write {{ \"{SettingsLayer.Section}\": {{ \"Mesh\": \"…\" }} }}.";

    /// <summary>Reads the section.</summary>
    /// <exception cref="ConfigurationException">It cannot be read; the message names the file and, where there is one, the line.</exception>
    public static SettingsLayer Read(string path) => Parse(Load(path), path);

    /// <summary>Reads the section of a file's content.</summary>
    /// <exception cref="ConfigurationException">As <see cref="Read"/>.</exception>
    internal static SettingsLayer Parse(byte[] bytes, string path)
    {
        ReadOnlySpan<byte> text = bytes.AsSpan().StartsWith(Encoding.UTF8.Preamble) ? bytes.AsSpan(Encoding.UTF8.Preamble.Length) : bytes;
        if (text.Trim(" \t\r\n"u8).IsEmpty)
        {
            throw new ConfigurationException($"{path} is empty. {WhatToWrite}");
        }

        SettingsLayer layer = new();
        Utf8JsonReader reader = new(text, new JsonReaderOptions { CommentHandling = JsonCommentHandling.Skip, AllowTrailingCommas = true, MaxDepth = Deepest });
        try
        {
            bool isFound = ReadRoot(ref reader, text, path, layer);
            return isFound ? layer : throw new ConfigurationException($"{path} has no section {SettingsLayer.Section}. {WhatToWrite}");
        }
        catch (JsonException e)
        {
            throw new ConfigurationException($"{path} line {e.LineNumber + 1}, column {e.BytePositionInLine + 1}: not JSON. {Words(e)}", e);
        }
        catch (InvalidOperationException e)
        {
            // A text with bytes that are no UTF-8, or half a surrogate.
            throw new ConfigurationException($"{path} line {LineOf(ref reader, text)}: the text is not valid Unicode.", e);
        }
    }

    private static byte[] Load(string path)
    {
        if (FileStatus.WhyNotRegular(path) is { } kind)
        {
            // It is read again whenever it changes, which a pipe cannot be; and to open one may take for ever.
            throw new ConfigurationException($"The configuration {path} is {kind}. Name a regular file.");
        }

        try
        {
            using FileStream file = new(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
            byte[] bytes = new byte[Longest + 1];
            int length = file.ReadAtLeast(bytes, bytes.Length, throwOnEndOfStream: false);
            return length <= Longest ? bytes[..length] : throw new ConfigurationException($"The configuration {path} is longer than {Longest} bytes: is it the right file?");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException or NotSupportedException)
        {
            throw new ConfigurationException($"The configuration {path} cannot be read: {e.Message}", e);
        }
    }

    // Whether the section is there.
    private static bool ReadRoot(ref Utf8JsonReader reader, ReadOnlySpan<byte> text, string path, SettingsLayer layer)
    {
        if (!reader.Read() || reader.TokenType != JsonTokenType.StartObject)
        {
            throw new ConfigurationException($"{path} line {LineOf(ref reader, text)}: a JSON object is needed, {{ \"{SettingsLayer.Section}\": {{ … }} }}.");
        }

        bool isFound = false;
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            string name = reader.GetString()!;
            int line = LineOf(ref reader, text);
            reader.Read();
            if (!name.Equals(SettingsLayer.Section, StringComparison.OrdinalIgnoreCase))
            {
                reader.Skip();
                continue;
            }

            if (isFound || reader.TokenType != JsonTokenType.StartObject)
            {
                throw new ConfigurationException($"{path} line {line}: {(isFound ? $"the section {name} is there twice." : $"{name} has to be an object with options.")}");
            }

            isFound = true;
            ReadObject(ref reader, text, path, SettingsLayer.Section, layer);
        }

        // What comes after the end is an error as well.
        while (reader.Read())
        {
        }

        return isFound;
    }

    private static void ReadObject(ref Utf8JsonReader reader, ReadOnlySpan<byte> text, string path, string key, SettingsLayer layer)
    {
        while (reader.Read() && reader.TokenType != JsonTokenType.EndObject)
        {
            string inner = $"{key}:{reader.GetString()}";
            reader.Read();
            ReadValue(ref reader, text, path, inner, layer);
        }
    }

    private static void ReadValue(ref Utf8JsonReader reader, ReadOnlySpan<byte> text, string path, string key, SettingsLayer layer)
    {
        int line = LineOf(ref reader, text);
        switch (reader.TokenType)
        {
            case JsonTokenType.StartObject:
                ReadObject(ref reader, text, path, key, layer);
                break;
            case JsonTokenType.StartArray:
                int count = 0;
                while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
                {
                    ReadValue(ref reader, text, path, string.Create(CultureInfo.InvariantCulture, $"{key}:{count++}"), layer);
                }

                if (count == 0)
                {
                    Add(key, "");
                }

                break;
            case JsonTokenType.Null:
                // As if it were not there.
                break;
            case JsonTokenType.String:
                Add(key, reader.GetString()!);
                break;
            default:
                Add(key, Encoding.UTF8.GetString(reader.ValueSpan));
                break;
        }

        void Add(string name, string value)
        {
            if (!layer.TryAdd(name, value, $"{path} line {line}"))
            {
                throw new ConfigurationException($"{path} line {line}: {name} is there twice. Leave one out.");
            }
        }
    }

    private static int LineOf(ref Utf8JsonReader reader, ReadOnlySpan<byte> text) => text[..(int)Math.Min(reader.TokenStartIndex, text.Length)].Count((byte)'\n') + 1;

    // The position is told in front already.
    private static string Words(JsonException e) => e.Message.Split(" LineNumber:")[0];
}
