using System.Text;
using Xenlet.Fuzz.Targets;

namespace Xenlet.Fuzz;

/// <summary>Everything that is fuzzed.</summary>
internal static class FuzzTargets
{
    private const int Short = 512;
    private const int Long = 4096;

    /// <summary>The table of targets.</summary>
    public static IReadOnlyList<FuzzTarget> All { get; } =
    [
        new("xenstore-messages", XenStoreMessages.Run, Long, XenStoreMessages.Tokens),
        new("xenstore-client", XenStoreClients.Run, Short, XenStoreClients.Tokens) { UsesThreadPool = true },
        new("xenstore-ring", XenStoreRings.Run, Short),
        new("block-ring", BlockRings.Run, Short) { UsesThreadPool = true },
        new("block-requests", BlockRequests.Run, Short),
        new("front-end-offer", FrontEndOffers.Run, Short, FrontEndOffers.Tokens),
        new("network-requests", NetworkRequests.Run, Short, NetworkRequests.Tokens),
        new("network-frames", NetworkFrames.Run, Short, NetworkFrames.Tokens),
        new("network-sends", NetworkSends.Run, Short, NetworkSends.Tokens),
        new("internet-frames", InternetFrames.Run, 2048, InternetFrames.Tokens),
        new("tcp-segments", TcpSegments.Run, Short, TcpSegments.Tokens),
        new("console-ring", ConsoleRings.Run, Short),
        new("line-discipline", Lines.Run, Long, [3], [4], [21], [23], [18], [22], [28], [26], [127], [13]),
        new("command-line", CommandLines.Run, Long, Text("A=1"), Text(" -- "), Text("\\"), Text("\""), Text("'"), Text(" ")),
        new("start-info", StartInfos.Run, Short, StartInfos.Tokens),
        new("ramdisk", Ramdisks.Run, Long, Ramdisks.Tokens),
        new("program-memory", ProgramMemories.Run, Short, ProgramMemories.Tokens),
        new("system-calls", SystemCallSequences.Run, Short, SystemCallSequences.Tokens),
        new("unwinder", Unwinding.Run, 2048, Unwinding.Tokens),
    ];

    /// <summary>The target of this name, or <see langword="null"/>.</summary>
    public static FuzzTarget? Find(string name) => All.FirstOrDefault(target => target.Name == name);

    private static byte[] Text(string text) => Encoding.Latin1.GetBytes(text);
}
