using System.Text;
using Meshara.Mdns.Wire;

namespace Meshara.Mdns.Tests.Wire;

/// <summary>Packets written by hand: hex digits and spaces, and in quotes the text itself.</summary>
internal static class Hex
{
    /// <summary>The bytes of a text such as <c>05'local'00</c>.</summary>
    public static byte[] Bytes(string text)
    {
        List<byte> bytes = [];
        string[] parts = text.Split('\'');
        for (int i = 0; i < parts.Length; i++)
            bytes.AddRange(i % 2 == 1 ? Encoding.UTF8.GetBytes(parts[i]) : Convert.FromHexString(parts[i].Replace(" ", "", StringComparison.Ordinal)));
        return [.. bytes];
    }

    /// <summary>A response whose answers are these.</summary>
    public static byte[] Response(string answers, int count = 1) => [.. Bytes($"0000 8400 0000 {count:x4} 0000 0000"), .. Bytes(answers)];

    /// <summary>A query with these questions.</summary>
    public static byte[] Query(string questions, int count = 1) => [.. Bytes($"0000 0000 {count:x4} 0000 0000 0000"), .. Bytes(questions)];

    /// <summary>What is read, as text: records one a line, <c>refused</c> where the packet is.</summary>
    public static string Read(byte[] packet) =>
        DnsReader.TryRead(packet, out DnsMessage? message)
            ? string.Join('\n', [.. message.Questions.Select(Show), .. message.Answers.Concat(message.Authorities).Concat(message.Additionals).Select(static r => r.ToString())])
            : "refused";

    private static string Show(DnsQuestion question) => $"{question.Name} {question.Type}{(question.UnicastResponse ? " QU" : "")}?";
}
