using System.Globalization;
using Xenlet.QemuXen;

namespace Xenlet.Bench;

/// <summary>A server of sockets in both kinds of guest.</summary>
internal sealed class TcpMeasurement(
    XenMachine machine, string directory, BenchOptions options, TcpResults results, CancellationToken cancellationToken)
{
    private const int MemoryMiB = 256;

    /// <summary>What a Xenlet gets for all its idle connections. Linux does not start in so little.</summary>
    private const int IdleMemoryMiB = 64;

    private const string Idle = "idle";
    private const string Flood = "flood";

    /// <summary>Echoed in each of the three runs, for seconds of a flood.</summary>
    private const int FloodKibibytes = 8_192;

    private ServedGuests _guests = null!;

    /// <summary>Measures everything, in rounds.</summary>
    /// <param name="rounds">How often.</param>
    /// <param name="tryAsync">Runs one part under a name; a part that fails stops no other.</param>
    public async Task RunAsync(int rounds, Func<string, Func<Task>, Task> tryAsync)
    {
        results.Idle = (1_000, 10_000);
        for (int round = 1; round <= rounds && options.Rows.Length == 0; round++)
        {
            await tryAsync(
                $"the stack alone, round {round} of {rounds}", () => Task.Run(() => HostTcp.Measure(results), cancellationToken));
        }

        _guests = await ServedGuests.PublishAsync(machine, directory, "TcpBench", "TcpBench listens", cancellationToken);
        for (int round = 1; round <= rounds; round++)
        {
            string which = $", round {round} of {rounds}";
            if (TcpWork.All.Any(Includes))
            {
                await tryAsync("TCP of a Xenlet" + which, () => MeasureAsync(_guests.Xenlet(MemoryMiB), results.Xenlet));
                await tryAsync("TCP of Linux" + which, () => MeasureAsync(_guests.Linux(MemoryMiB), results.Linux));
            }

            if (Flood.Contains(options.Rows, StringComparison.Ordinal))
            {
                await tryAsync("a flood to a Xenlet" + which, () => MeasureFloodAsync(_guests.Xenlet(MemoryMiB), results.Xenlet));
                await tryAsync("a flood to Linux" + which, () => MeasureFloodAsync(_guests.Linux(MemoryMiB), results.Linux));
            }

            if (Idle.Contains(options.Rows, StringComparison.Ordinal))
            {
                await tryAsync(
                    "idle connections of a Xenlet" + which, () => MeasureIdleAsync(_guests.Xenlet(IdleMemoryMiB), results.Xenlet));
                await tryAsync("idle connections of Linux" + which, () => MeasureIdleAsync(_guests.Linux(MemoryMiB), results.Linux));
            }
        }
    }

    private bool Includes(TcpWork work) => work.Name.Contains(options.Rows, StringComparison.Ordinal);

    private async Task MeasureAsync(GuestConfig config, WorkResults into)
    {
        await using XenGuest guest = await _guests.CreateAsync(config);
        MeasuredGuest program = await _guests.WaitAsync(guest);

        await ServedGuests.MeasureAsync(program, [.. TcpWork.All.Where(Includes)], options.IsQuick, WorkAsync, into);
        into.Read(guest.Console.Text);

        Task WorkAsync(TcpWork work, string name, int count) => work.IsLoopback
            ? program.TellAsync(work.LoopbackCommand(name, count))
            : program.TellAsync($"measure {name}", () => _guests.PeerAsync(work.PeerArguments(name, ServedGuests.Address, count), into));
    }

    /// <summary>In a guest of its own, whose memory at the end is that of the flood.</summary>
    private async Task MeasureFloodAsync(GuestConfig config, WorkResults into)
    {
        await using XenGuest guest = await _guests.CreateAsync(config);
        MeasuredGuest program = await _guests.WaitAsync(guest);
        int kibibytes = options.IsQuick ? FloodKibibytes / 4 : FloodKibibytes;
        string flood = string.Create(CultureInfo.InvariantCulture, $"{Flood} {Flood} {ServedGuests.Address} {kibibytes}");
        await program.TellAsync($"measure {Flood}", () => _guests.PeerAsync(flood, into));
        into.Read(guest.Console.Text);
    }

    /// <summary>In a guest of its own: what other work has left would hide what connections cost.</summary>
    private async Task MeasureIdleAsync(GuestConfig config, WorkResults into)
    {
        await using XenGuest guest = await _guests.CreateAsync(config);
        MeasuredGuest program = await _guests.WaitAsync(guest);
        string idle = string.Create(
            CultureInfo.InvariantCulture, $"idle idle {ServedGuests.Address} {results.Idle.Few} {results.Idle.Many}");
        await program.TellAsync("measure idle", () => _guests.PeerAsync(idle, into));
        into.Read(guest.Console.Text);
    }
}
