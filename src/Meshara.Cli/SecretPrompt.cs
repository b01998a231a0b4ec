using System.Text;

namespace Meshara.Cli;

/// <summary>Reads a passphrase from the terminal without showing it.</summary>
internal static class SecretPrompt
{
    public static string Ask(string question)
    {
        Console.Error.Write(question);
        bool before = Console.TreatControlCAsInput;

        // A read key blocks, so that Ctrl-C must be one of the keys to be seen at all.
        Console.TreatControlCAsInput = true;
        try
        {
            return Read();
        }
        finally
        {
            Console.TreatControlCAsInput = before;
            Console.Error.WriteLine();
        }
    }

    private static string Read()
    {
        StringBuilder text = new();
        while (true)
        {
            ConsoleKeyInfo key = Console.ReadKey(intercept: true);
            switch (key)
            {
                case { Key: ConsoleKey.Enter }:
                    return text.ToString();
                case { Key: ConsoleKey.C or ConsoleKey.D, Modifiers: ConsoleModifiers.Control }:
                    throw new OperationCanceledException();
                case { Key: ConsoleKey.Backspace } when text.Length > 0:
                    text.Length--;
                    break;
                case { KeyChar: >= ' ' }:
                    text.Append(key.KeyChar);
                    break;
            }
        }
    }
}
