using System.Text;

namespace Xenlet.GuestImage;

/// <summary>Output, which the host compares with what has arrived.</summary>
internal static class OutputCases
{
    /// <summary>Lines of <c>console-large</c>: with 50 bytes each, 200 KiB.</summary>
    public const int LargeLines = 4096;

    public static IEnumerable<Case> All =>
    [
        new("console-utf8", () => Console.WriteLine("utf8 [äöüß €uro 日本語 😀]")),
        new("console-error", ConsoleError),
        new("console-large", ConsoleLarge),
        new("console-many-threads", ConsoleManyThreads),
    ];

    private static void ConsoleError()
    {
        Console.Error.WriteLine("to standard error");
        Console.Out.Write("to standard ");
        Console.Out.WriteLine("output");
        Console.Out.Flush();
    }

    private static void ConsoleLarge()
    {
        // In pieces of all sizes, so that buffers along the way fill at odd places.
        StringBuilder text = new();
        for (int i = 0; i < LargeLines; i++)
        {
            text.Append($"large {i:D5} ");
            text.Append((char)('a' + (i % 26)), 37);
            text.Append('\n');
            if (i % 97 == 0)
            {
                Console.Write(text);
                text.Clear();
            }
        }

        Console.Write(text);
    }

    private static void ConsoleManyThreads()
    {
        // Whole lines from several threads never mix.
        Thread[] threads = [.. Enumerable.Range(0, 4).Select(i => new Thread(() =>
        {
            for (int n = 0; n < 25; n++)
            {
                Console.WriteLine($"writer {i} line {n} {new string((char)('A' + i), 20)}");
            }
        }))];
        Array.ForEach(threads, thread => thread.Start());
        Array.ForEach(threads, Check.Ends);
    }
}
