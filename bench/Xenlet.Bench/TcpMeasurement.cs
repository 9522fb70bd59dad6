using System.Globalization;
using Xenlet.QemuXen;

namespace Xenlet.Bench;

/// <summary>One server program in both kinds of guest, on the same bridge of dom0, whose Linux is the other end.</summary>
internal sealed class TcpMeasurement(
    XenMachine machine, string directory, bool isQuick, TcpResults results, CancellationToken cancellationToken)
{
    private const int MemoryMiB = 256;

    /// <summary>What a Xenlet gets for all its idle connections. Linux does not start in so little.</summary>
    private const int IdleMemoryMiB = 64;

    private const string Bridge = "xenbr0";
    private const string OwnAddress = "10.0.0.1";
    private const string GuestAddress = "10.0.0.2";

    /// <summary>Each connection is a descriptor, of the guest and of the peer.</summary>
    private const int Descriptors = 20_000;

    /// <summary>What the server says when it can be connected to.</summary>
    private const string FirstLine = "TcpBench listens";

    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(30);

    private MeasuredProgram _guest = null!;
    private MeasuredProgram _linux = null!;
    private string _peer = "";
    private string _domainTime = "";
    private int _lastGuest;

    /// <summary>Measures everything, in rounds.</summary>
    /// <param name="rounds">How often.</param>
    /// <param name="tryAsync">Runs one part under a name; a part that fails stops no other.</param>
    public async Task RunAsync(int rounds, Func<string, Func<Task>, Task> tryAsync)
    {
        results.Idle = isQuick ? (200, 2_200) : (1_000, 10_000);
        for (int round = 1; round <= rounds; round++)
        {
            await tryAsync(
                $"the stack alone, round {round} of {rounds}", () => Task.Run(() => HostTcp.Measure(results), cancellationToken));
        }

        _guest = await MeasuredProgram.PublishAsync("bench/TcpBench", directory, null, cancellationToken);
        _linux = await MeasuredProgram.PublishAsync("bench/LinuxTcpBench", directory, null, cancellationToken);
        _peer = machine.Share(_linux.Image);
        _domainTime = await MeasuredGuest.ShareDomainTimeAsync(machine, directory, cancellationToken);
        for (int round = 1; round <= rounds; round++)
        {
            string which = $", round {round} of {rounds}";
            await tryAsync("TCP of a Xenlet" + which, () => MeasureAsync(Xenlet(MemoryMiB), results.Xenlet));
            await tryAsync("TCP of Linux" + which, () => MeasureAsync(Linux(), results.Linux));
            await tryAsync("idle connections of a Xenlet" + which, () => MeasureIdleAsync(Xenlet(IdleMemoryMiB), results.Xenlet));
            await tryAsync("idle connections of Linux" + which, () => MeasureIdleAsync(Linux(), results.Linux));
        }
    }

    private GuestConfig Xenlet(int memoryMiB) => new()
    {
        Name = NewName("tcp"),
        Kernel = _guest.Image,
        MemoryMiB = memoryMiB,
        CommandLine = $"XENLET_IP={GuestAddress}/24",
        Vifs = [$"bridge={Bridge}"],
    };

    private GuestConfig Linux()
    {
        string prepare = string.Create(
            CultureInfo.InvariantCulture,
            $"""
            until [ -d /sys/class/net/eth0 ]; do usleep 20000; done
            ifconfig lo up
            ifconfig eth0 {GuestAddress} netmask 255.255.255.0 up
            ulimit -n {Descriptors}
            """);
        return LinuxGuests.Running(machine.Image, _linux, directory, NewName("linux-tcp"), prepare, ["xen-netfront"]) with
        {
            MemoryMiB = MemoryMiB,
            Vifs = [$"bridge={Bridge}"],
        };
    }

    private string NewName(string kind) => string.Create(CultureInfo.InvariantCulture, $"{kind}-{++_lastGuest}");

    private async Task MeasureAsync(GuestConfig config, WorkResults into)
    {
        await using XenGuest guest = await machine.CreateGuestAsync(config, cancellationToken);
        MeasuredGuest program = await WaitAsync(guest);

        // The first pass of each kind opens windows, and fills caches, pools and what the program's runtime makes once.
        foreach (TcpWork work in TcpWork.All)
        {
            await WorkAsync(work, "first", work.QuickCount / 2);
        }

        foreach (TcpWork work in TcpWork.All)
        {
            int count = isQuick ? work.QuickCount : work.Count;
            await program.MeasureAsync(
                work.Name,
                async () =>
                {
                    await WorkAsync(work, work.Name, count);
                    return count;
                },
                into);
        }

        into.Read(guest.Console.Text);

        Task WorkAsync(TcpWork work, string name, int count) => work.IsLoopback
            ? program.TellAsync(work.LoopbackCommand(name, count))
            : program.TellAsync($"measure {name}", () => PeerAsync(work.PeerArguments(name, GuestAddress, count), into));
    }

    /// <summary>In a guest of its own: what other work has left would hide what connections cost.</summary>
    private async Task MeasureIdleAsync(GuestConfig config, WorkResults into)
    {
        await using XenGuest guest = await machine.CreateGuestAsync(config, cancellationToken);
        MeasuredGuest program = await WaitAsync(guest);
        string idle = string.Create(CultureInfo.InvariantCulture, $"idle idle {GuestAddress} {results.Idle.Few} {results.Idle.Many}");
        await program.TellAsync("measure idle", () => PeerAsync(idle, into));
        into.Read(guest.Console.Text);
    }

    /// <summary>Waits until a guest's server can be connected to.</summary>
    private async Task<MeasuredGuest> WaitAsync(XenGuest guest)
    {
        MeasuredGuest program = new(machine, guest, _domainTime, "vif", cancellationToken);
        await program.WaitAsync(FirstLine);

        // The bridge was made for the guest. An earlier guest had the same address, and another one below it.
        const string prepare = $"""
            ifconfig {Bridge} {OwnAddress} netmask 255.255.255.0
            ip neigh flush dev {Bridge}
            until ping -c 1 -W 1 {GuestAddress}; do :; done
            """;
        (await machine.RunInDom0Async(prepare, Limit, cancellationToken)).ThrowIfFailed("dom0's address");
        return program;
    }

    /// <summary>Runs dom0's end, and keeps its figures.</summary>
    private async Task PeerAsync(string arguments, WorkResults into)
    {
        string command = string.Create(CultureInfo.InvariantCulture, $"ulimit -n {Descriptors}; {_peer} {arguments}");
        into.Read((await machine.RunInDom0Async(command, Limit, cancellationToken)).ThrowIfFailed("the peer").Output);
    }
}
