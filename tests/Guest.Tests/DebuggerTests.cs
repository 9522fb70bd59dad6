using Xenlet.GuestImage;
using Xenlet.QemuXen;
using Xenlet.Tests;

namespace Xenlet.Guest.Tests;

/// <summary>gdb looks into a guest that waits for it.</summary>
[Collection(WithoutXen.Name)]
public sealed class DebuggerTests
{
    private const string CommandLine = "diagnostics-threads";

    /// <summary>Calls deep that the case <c>diagnostics-threads</c> descends.</summary>
    private const int Depth = 500;

    [Fact]
    public async Task Gdb_stops_the_nucleus_and_the_program_at_methods_by_their_CSharp_names_and_reads_calls_and_variables()
    {
        Assert.Contains(CaseTable.All, entry => entry.Name == CommandLine);
        string image = await Images.Cases;
        int port = FreePort.Choose();
        string script = Path.GetTempFileName();
        await File.WriteAllTextAsync(script, GdbScript.Text(port) + """
            set pagination off
            csbreak InitialProgram.Create
            csbreak GuestImage.LifeCases.Descend
            condition 2 depth > 50
            continue
            backtrace 2
            print length
            continue
            backtrace 2
            print depth
            delete
            continue

            """);
        try
        {
            await using DirectBoot guest = await DirectBoot.StartAsync(
                new DirectBootOptions { Kernel = image, MemoryMiB = World.CaseMemory, CommandLine = CommandLine, GdbPort = port });

            string session = await PublishedImages.RunAsync("gdb", ["-nx", "-batch", "-x", script, image]);

            Assert.Matches(@"Breakpoint 1, \w+_Nucleus_Boot_InitialProgram__Create .*InitialProgram\.cs:\d+", session);
            Assert.Matches(@"#0 .*_InitialProgram__Create .*\n#1 .*_NucleusEntry__Start .*NucleusEntry\.cs:\d+", session);
            Assert.Contains($"$1 = {CommandLine.Length}\n", session, StringComparison.Ordinal);
            Assert.Matches(@"Breakpoint 2, Xenlet_GuestImage_\w+_LifeCases__Descend .*LifeCases\.cs:\d+", session);
            Assert.Matches(@"#0 .*_LifeCases__Descend .*\n#1 .*_LifeCases_.*LifeCases\.cs:\d+", session);
            Assert.True(session.Contains($"$2 = {Depth}\n", StringComparison.Ordinal), session);
            (await EndedGuest.OfAsync(guest, World.Limit)).AssertExited(0);
        }
        finally
        {
            File.Delete(script);
        }
    }
}
