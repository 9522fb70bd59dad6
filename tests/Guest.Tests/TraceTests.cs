using Microsoft.Diagnostics.Tracing;
using Xenlet.QemuXen;

namespace Xenlet.Guest.Tests;

/// <summary>A trace of a guest by EventPipe, as the environment asks for it, in a file of /tmp that the program hands out.</summary>
[Collection(WithoutXen.Name)]
public sealed class TraceTests(DirectWorld world)
{
    private const int Events = 50;

    [Fact]
    public async Task A_trace_in_tmp_is_read_while_the_program_runs_and_TraceEvent_finds_events_of_the_program_and_of_the_runtime()
    {
        EndedGuest guest = await world.RunAsync(new GuestConfig
        {
            Name = world.NewName(),
            Kernel = await Images.Tls,
            MemoryMiB = World.CaseMemory,
            CommandLine = "DOTNET_EnableEventPipe=1 DOTNET_EventPipeOutputPath=/tmp/work.nettrace DOTNET_EventPipeOutputStreaming=1 "
                + "DOTNET_EventPipeCircularMB=4 DOTNET_EventPipeConfig=Xenlet-Work:0:5,Microsoft-Windows-DotNETRuntime:1:4 trace",
        });
        guest.AssertExited(0);
        byte[] trace = [.. guest.Lines.SkipWhile(line => line != "begin trace").Skip(1).TakeWhile(line => line != "end trace")
            .SelectMany(Convert.FromBase64String)];
        Assert.True(trace.Length > 0, guest.Console);

        // The program still ran: the format's last tag (NullReference), with which the runtime ends a file, is not in it yet.
        const byte NullReference = 1;
        trace = [.. trace, NullReference];

        List<int> steps = [];
        int collections = 0;
        using EventPipeEventSource source = new(new MemoryStream(trace));
        source.Dynamic.All += seen =>
        {
            if (seen.ProviderName == "Xenlet-Work" && seen.EventName == "Step")
            {
                steps.Add((int)seen.PayloadByName("number"));
            }
        };
        source.Clr.GCStart += _ => collections++;
        source.Process();
        Assert.Equal(Enumerable.Range(0, Events), steps);
        Assert.True(collections > 0, "a collection is among the events of the runtime");
    }
}
