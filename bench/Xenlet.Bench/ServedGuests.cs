using System.Globalization;
using Xenlet.QemuXen;

namespace Xenlet.Bench;

/// <summary>One server program in both kinds of guest, on one bridge of dom0, whose Linux is the other end. One runs at a time.</summary>
internal sealed class ServedGuests
{
    /// <summary>The guest's.</summary>
    public const string Address = "10.0.0.2";

    private const string Bridge = "xenbr0";
    private const string OwnAddress = "10.0.0.1";

    /// <summary>Each connection is a descriptor, of the guest and of the peer.</summary>
    private const int Descriptors = 20_000;

    // By dom0's clock, on which a guest that has too little memory to answer costs nothing to wait for.
    private const int AnswerSeconds = 60;
    private const int PeerSeconds = 180;

    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(30);

    private readonly XenMachine _machine;
    private readonly string _directory;
    private readonly string _firstLine;
    private readonly string _peer;
    private readonly string _domainTime;
    private readonly CancellationToken _cancellation;
    private int _lastGuest;

    private ServedGuests(
        XenMachine machine,
        string directory,
        (MeasuredProgram Guest, MeasuredProgram Linux) programs,
        string firstLine,
        (string Peer, string DomainTime) inDom0,
        CancellationToken cancellationToken)
    {
        _machine = machine;
        _directory = directory;
        Program = programs.Guest;
        LinuxProgram = programs.Linux;
        _firstLine = firstLine;
        (_peer, _domainTime) = inDom0;
        _cancellation = cancellationToken;
    }

    /// <summary>The server as a Xenlet.</summary>
    public MeasuredProgram Program { get; }

    /// <summary>The same for Linux, which is the peer too.</summary>
    public MeasuredProgram LinuxProgram { get; }

    /// <summary>Publishes a server.</summary>
    /// <param name="machine">Where it runs.</param>
    /// <param name="directory">Where its images are written.</param>
    /// <param name="project">The Xenlet's project; that for Linux has "Linux" before its name.</param>
    /// <param name="firstLine">What it says when it can be connected to.</param>
    /// <param name="cancellationToken">Ends the measurement.</param>
    public static async Task<ServedGuests> PublishAsync(
        XenMachine machine, string directory, string project, string firstLine, CancellationToken cancellationToken)
    {
        MeasuredProgram guest = await MeasuredProgram.PublishAsync($"bench/{project}", directory, null, cancellationToken);
        MeasuredProgram linux = await MeasuredProgram.PublishAsync($"bench/Linux{project}", directory, null, cancellationToken);
        string domainTime = await MeasuredGuest.ShareDomainTimeAsync(machine, directory, cancellationToken);

        // In dom0's memory: from the shared directory its pages would come one by one while it is measured.
        string peer = await machine.CopyProgramAsync(linux.Image, cancellationToken);
        return new(machine, directory, (guest, linux), firstLine, (peer, domainTime), cancellationToken);
    }

    /// <summary>The configuration of a Xenlet.</summary>
    /// <param name="memoryMiB">Its memory.</param>
    /// <param name="variables">Environment variables, separated by blanks.</param>
    public GuestConfig Xenlet(int memoryMiB, string variables = "") => new()
    {
        Name = NewName("xenlet"),
        Kernel = Program.Image,
        MemoryMiB = memoryMiB,
        CommandLine = $"XENLET_IP={Address}/24 {variables}".TrimEnd(),
        Vifs = [$"bridge={Bridge}"],
    };

    /// <summary>The configuration of a Linux guest.</summary>
    /// <param name="memoryMiB">Its memory.</param>
    /// <param name="variables">Environment variables, separated by blanks.</param>
    public GuestConfig Linux(int memoryMiB, string variables = "")
    {
        string prepare = string.Create(
            CultureInfo.InvariantCulture,
            $"""
            until [ -d /sys/class/net/eth0 ]; do usleep 20000; done
            ifconfig lo up
            ifconfig eth0 {Address} netmask 255.255.255.0 up
            ulimit -n {Descriptors}
            export {variables}
            """);
        return LinuxGuests.Running(_machine.Image, LinuxProgram, _directory, NewName("linux"), prepare, ["xen-netfront"]) with
        {
            MemoryMiB = memoryMiB,
            Vifs = [$"bridge={Bridge}"],
        };
    }

    /// <summary>Creates a guest, and gives dom0 its address.</summary>
    /// <returns>The guest, which belongs to the caller.</returns>
    public async Task<XenGuest> CreateAsync(GuestConfig config)
    {
        XenGuest guest = await _machine.CreateGuestAsync(config, _cancellation);

        // The bridge was made for the guest. An earlier guest had the same address, and another one below it.
        const string prepare = $"""
            ifconfig {Bridge} {OwnAddress} netmask 255.255.255.0
            ip neigh flush dev {Bridge}
            echo 10 >/proc/sys/net/ipv4/neigh/{Bridge}/retrans_time_ms
            """;
        (await _machine.RunInDom0Async(prepare, Limit, _cancellation)).ThrowIfFailed("dom0's address");
        return guest;
    }

    /// <summary>Waits until a guest's server can be connected to.</summary>
    public async Task<MeasuredGuest> WaitAsync(XenGuest guest)
    {
        MeasuredGuest program = new(_machine, guest, _domainTime, "vif", _cancellation);
        await program.WaitAsync(_firstLine);
        string ping = string.Create(
            CultureInfo.InvariantCulture, $"for i in $(seq {AnswerSeconds}); do ping -c 1 -W 1 {Address} && exit; done; exit 1");
        (await _machine.RunInDom0Async(ping, Limit, _cancellation)).ThrowIfFailed("ping");
        return program;
    }

    /// <summary>Measures each row of a server's work.</summary>
    /// <param name="program">The server.</param>
    /// <param name="all">The rows.</param>
    /// <param name="isQuick">Whether the run has no time.</param>
    /// <param name="workAsync">Has a row done under a name, so often.</param>
    /// <param name="into">Gets the figures.</param>
    public static async Task MeasureAsync<T>(
        MeasuredGuest program, IReadOnlyList<T> all, bool isQuick, Func<T, string, int, Task> workAsync, WorkResults into)
        where T : IServedWork
    {
        // The first pass of each kind opens windows, and fills caches, pools and what the program's runtime makes once.
        foreach (T work in all)
        {
            await workAsync(work, "warm", work.QuickCount / 2);
        }

        foreach (T work in all)
        {
            int count = isQuick ? work.QuickCount : work.Count;
            await program.MeasureAsync(
                work.Name,
                async () =>
                {
                    await workAsync(work, work.Name, count);
                    return count;
                },
                into);
        }
    }

    /// <summary>Runs dom0's end, and keeps its figures.</summary>
    public async Task PeerAsync(string arguments, WorkResults into)
    {
        string command = string.Create(CultureInfo.InvariantCulture, $"ulimit -n {Descriptors}; timeout {PeerSeconds} {_peer} {arguments}");
        into.Read((await _machine.RunInDom0Async(command, Limit, _cancellation)).ThrowIfFailed("the peer").Output);
    }

    private string NewName(string kind) => string.Create(CultureInfo.InvariantCulture, $"{kind}-{++_lastGuest}");
}
