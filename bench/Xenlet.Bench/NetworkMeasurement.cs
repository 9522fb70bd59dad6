using System.Globalization;
using Xenlet.QemuXen;

namespace Xenlet.Bench;

/// <summary>Network interfaces of both kinds of guest on the same bridge of dom0.</summary>
internal sealed class NetworkMeasurement(XenMachine machine, string directory, NetworkResults results, CancellationToken cancellationToken)
{
    private const int MemoryMiB = LinuxGuest.MemoryMiB;
    private const string Bridge = "xenbr0";
    private const string OwnAddress = "10.0.0.1";
    private const string GuestAddress = "10.0.0.2";

    /// <summary>What NetworkBench says when it has its interface.</summary>
    private const string FirstLine = "NetworkBench has a network interface";

    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(3);

    private MeasuredProgram _guest = null!;
    private MeasuredProgram _ping = null!;
    private MeasuredProgram _linux = null!;
    private string _peer = "";
    private string _domainTime = "";
    private int _lastGuest;
    private int _lastRun;

    /// <summary>Measures everything, in rounds.</summary>
    /// <param name="rounds">How often.</param>
    /// <param name="tryAsync">Runs one part under a name; a part that fails stops no other.</param>
    public async Task RunAsync(int rounds, Func<string, Func<Task>, Task> tryAsync)
    {
        _guest = await MeasuredProgram.PublishAsync("bench/NetworkBench", directory, null, cancellationToken);
        _ping = await MeasuredProgram.PublishAsync("samples/Ping", directory, null, cancellationToken);
        _linux = await MeasuredProgram.PublishAsync("bench/LinuxNetworkBench", directory, null, cancellationToken);
        _peer = machine.Share((await MeasuredProgram.PublishAsync("bench/FramePeer", directory, null, cancellationToken)).Image);
        _domainTime = await MeasuredGuest.ShareDomainTimeAsync(machine, directory, cancellationToken);
        for (int round = 1; round <= rounds; round++)
        {
            string which = $", round {round} of {rounds}";
            await tryAsync("frames of a Xenlet" + which, () => FramesAsync(Xenlet(_guest), results.Xenlet));
            await tryAsync("frames of Linux" + which, () => FramesAsync(Linux(), results.Linux));
            await tryAsync("pings of a Xenlet" + which, () => PingsAsync(Xenlet(_ping), "answers for", results.Xenlet));
            await tryAsync("pings of Linux" + which, () => PingsAsync(Linux(), FirstLine, results.Linux));
        }
    }

    private GuestConfig Xenlet(MeasuredProgram program) =>
        new() { Name = NewName("network"), Kernel = program.Image, MemoryMiB = MemoryMiB, Vifs = [$"bridge={Bridge}"] };

    private GuestConfig Linux()
    {
        const string prepare =
            $"until [ -d /sys/class/net/eth0 ]; do usleep 20000; done\nifconfig eth0 {GuestAddress} netmask 255.255.255.0 up";
        return LinuxGuests.Running(machine.Image, _linux, directory, NewName("linux-network"), prepare, ["xen-netfront"]) with
        {
            Vifs = [$"bridge={Bridge}"],
        };
    }

    private string NewName(string kind) => string.Create(CultureInfo.InvariantCulture, $"{kind}-{++_lastGuest}");

    private async Task FramesAsync(GuestConfig config, WorkResults into)
    {
        await using XenGuest guest = await machine.CreateGuestAsync(config, cancellationToken);
        MeasuredGuest program = Measured(guest);
        await program.WaitAsync(FirstLine);
        string ends = $"{Bridge} $(cat /sys/class/net/{Bridge}/address) $(xenstore-read /local/domain/{guest.DomainId}/device/vif/0/mac)";
        TraceCounts? nothing = null;
        await MeasureAsync(program, FrameWork.All, RunAsync, async () => nothing ??= await program.TraceNothingAsync(), into);
        into.Read(guest.Console.Text);

        async Task<double> RunAsync(FrameWork work, string name, int count)
        {
            int run = ++_lastRun;
            WorkResults one = new();
            await program.TellAsync(
                work.Command(name, run, count), async () => one.Read(await PeerAsync(work.PeerArguments(name, ends, run, count), into)));

            // Who receives says how many arrived.
            one.Read(guest.Console.Text);
            double arrived = one[$"{name}.arrived"].Values[^1];
            return arrived > 0 ? arrived : throw new BenchException($"no frame arrived ({work.Title})");
        }
    }

    /// <summary>Pings a guest that answers by itself.</summary>
    private async Task PingsAsync(GuestConfig config, string line, WorkResults into)
    {
        await using XenGuest guest = await machine.CreateGuestAsync(config, cancellationToken);
        MeasuredGuest program = Measured(guest);
        await program.WaitAsync(line);

        // The bridge was made for the guest.
        const string prepare = $"ifconfig {Bridge} {OwnAddress} netmask 255.255.255.0 && echo 0 0 >/proc/sys/net/ipv4/ping_group_range";
        (await machine.RunInDom0Async(prepare, Limit, cancellationToken)).ThrowIfFailed("dom0's address");
        await MeasureAsync(program, PingWork.All, RunAsync, () => Task.FromResult(new TraceCounts(0, 0)), into);

        async Task<double> RunAsync(PingWork work, string name, int count)
        {
            WorkResults one = new();
            one.Read(await PeerAsync(string.Create(CultureInfo.InvariantCulture, $"ping {name} {GuestAddress} {work.Size} {count}"), into));
            return one[$"{name}.answered"].Values[^1];
        }
    }

    private static async Task MeasureAsync<T>(
        MeasuredGuest program, IReadOnlyList<T> all, Func<T, string, int, Task<double>> runAsync, Func<Task<TraceCounts>> traceNothingAsync,
        WorkResults into)
        where T : NetworkWork
    {
        // The first pass of each kind fills caches, pools of frames and what the program's runtime makes once.
        foreach (T work in all)
        {
            await runAsync(work, "first", work.TracedCount);
        }

        foreach (T work in all)
        {
            await program.MeasureAsync(work.Name, () => runAsync(work, work.Name, work.Count), into);
        }

        TraceCounts nothing = await traceNothingAsync();
        foreach (T work in all)
        {
            await program.TraceAsync(work.Name, () => runAsync(work, "traced", work.TracedCount), nothing, into);
        }
    }

    private MeasuredGuest Measured(XenGuest guest) => new(machine, guest, _domainTime, "vif", cancellationToken);

    /// <summary>Runs dom0's end, and keeps its figures.</summary>
    private async Task<string> PeerAsync(string arguments, WorkResults into)
    {
        string output = (await machine.RunInDom0Async($"{_peer} {arguments}", Limit, cancellationToken)).ThrowIfFailed("FramePeer").Output;
        into.Read(output);
        return output;
    }
}
