using System.Diagnostics.Tracing;

namespace Xenlet.GuestTls;

/// <summary>
/// A program that the environment has traced into a file (DOTNET_EnableEventPipe): it raises events, and then shows the file as it is
/// while the program runs, as lines of base 64.
/// </summary>
internal static class TraceProgram
{
    private const int Events = 50;
    private const int BytesPerLine = 57;

    // The runtime writes its buffers out ten times a second: a file that has not grown for so long has everything.
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(1);

    /// <summary>Runs it, and gives the exit status.</summary>
    public static int Run()
    {
        string path = Environment.GetEnvironmentVariable("DOTNET_EventPipeOutputPath")!;
        for (int number = 0; number < Events; number++)
        {
            WorkEvents.Log.Step(number);
        }

        GC.Collect();
        for (long before = -1, now = 0; now != before || now < Events; now = new FileInfo(path).Length)
        {
            before = now;
            Thread.Sleep(Pause);
        }

        using FileStream file = new(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
        byte[] trace = new byte[file.Length];
        file.ReadExactly(trace);
        Console.WriteLine("begin trace");
        foreach (byte[] line in trace.Chunk(BytesPerLine))
        {
            Console.WriteLine(Convert.ToBase64String(line));
        }

        Console.WriteLine("end trace");
        return 0;
    }

    [EventSource(Name = "Xenlet-Work")]
    private sealed class WorkEvents : EventSource
    {
        public static readonly WorkEvents Log = new();

        [Event(1)]
        public void Step(int number) => WriteEvent(1, number);
    }
}
