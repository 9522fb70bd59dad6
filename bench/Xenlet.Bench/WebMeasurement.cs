using System.Globalization;
using Xenlet.QemuXen;

namespace Xenlet.Bench;

/// <summary>A service of ASP.NET Core in both kinds of guest.</summary>
internal sealed class WebMeasurement(
    XenMachine machine, string directory, BenchOptions options, WebResults results, CancellationToken cancellationToken)
{
    private const int MemoryMiB = 256;

    /// <summary>The same limit of the collector's heap for both, in the hexadecimal number of bytes that the runtime reads.</summary>
    private const string HeapLimit = "DOTNET_GCHeapHardLimit=8000000";

    /// <summary>
    /// For a Linux guest, what .NET chooses where nobody says anything: a concurrent collector, no limit of its heap, and workers that spin
    /// before they wait. With one processor a server's collector is a workstation's.
    /// </summary>
    private const string Defaults = "DOTNET_gcConcurrent=1 DOTNET_ThreadPool_UnfairSemaphoreSpinLimit=46";

    private const int ManyConnections = 64;

    private ServedGuests _guests = null!;

    /// <summary>Measures everything, in rounds.</summary>
    /// <param name="rounds">How often.</param>
    /// <param name="tryAsync">Runs one part under a name; a part that fails stops no other.</param>
    public async Task RunAsync(int rounds, Func<string, Func<Task>, Task> tryAsync)
    {
        _guests = await ServedGuests.PublishAsync(machine, directory, "WebBench", "WebBench listens", cancellationToken);
        results.XenletSize = _guests.Program.Size;
        results.LinuxSize = _guests.LinuxProgram.Size;
        for (int round = 1; round <= rounds; round++)
        {
            string which = $", round {round} of {rounds}";
            await tryAsync("web service of a Xenlet" + which, () => MeasureAsync(_guests.Xenlet(MemoryMiB, HeapLimit), results.Xenlet));
            await tryAsync("web service of Linux" + which, () => MeasureAsync(_guests.Linux(MemoryMiB, HeapLimit), results.Linux));
            await tryAsync(
                "web service of Linux with .NET's defaults" + which,
                () => MeasureAsync(_guests.Linux(MemoryMiB, Defaults), results.LinuxWithDefaults));
        }

        string[] schemes = ["http", "https"];
        foreach (string scheme in schemes.Where(scheme => $"least-{scheme}".Contains(options.Rows, StringComparison.Ordinal)))
        {
            string what = $"least memory for {ManyConnections} connections of {scheme}";
            await tryAsync($"{what}: a Xenlet", () => FindLeastAsync(scheme, memory => _guests.Xenlet(memory), (8, 64), results.Xenlet));
            await tryAsync($"{what}: Linux", () => FindLeastAsync(scheme, memory => _guests.Linux(memory), (64, 256), results.Linux));
        }
    }

    private bool Includes(WebWork work) => work.Name.Contains(options.Rows, StringComparison.Ordinal);

    private async Task MeasureAsync(GuestConfig config, WorkResults into)
    {
        await using XenGuest guest = await _guests.CreateAsync(config with { Paused = true });
        await _guests.PeerAsync($"first {ServedGuests.Address} first {config.Name}", into);
        MeasuredGuest program = await _guests.WaitAsync(guest);

        await ServedGuests.MeasureAsync(program, [.. WebWork.All.Where(Includes)], options.IsQuick, WorkAsync, into);
        into.Read(guest.Console.Text);

        Task WorkAsync(WebWork work, string name, int count) =>
            program.TellAsync($"measure {name}", () => _guests.PeerAsync(work.ClientArguments(name, count), into));
    }

    /// <summary>Halves what lies between a size that fails and one that works.</summary>
    private async Task FindLeastAsync(string scheme, Func<int, GuestConfig> configure, (int Fails, int Works) between, WorkResults into)
    {
        int step = options.IsQuick ? 4 : 1;
        if (await ServesAsync(between.Works) is { } failure)
        {
            throw new BenchException($"{between.Works} MiB are not enough: {failure}");
        }

        while (between.Works - between.Fails > step)
        {
            int middle = (between.Works + between.Fails) / 2;
            between = await ServesAsync(middle) is null ? (between.Fails, middle) : (middle, between.Works);
        }

        into.Add($"least-{scheme}.memory", between.Works);

        async Task<string?> ServesAsync(int memory)
        {
            try
            {
                GuestConfig config = configure(memory);
                await using XenGuest guest = await _guests.CreateAsync(config);
                MeasuredGuest program = await _guests.WaitAsync(guest);
                string ask = string.Create(
                    CultureInfo.InvariantCulture,
                    $"least {ServedGuests.Address} ask json {scheme} {ManyConnections} {ManyConnections * 10}");
                await program.TellAsync("measure least", () => _guests.PeerAsync(ask, new WorkResults()));
                return null;
            }
            catch (QemuXenException notEnough)
            {
                return notEnough.Message;
            }
        }
    }
}
