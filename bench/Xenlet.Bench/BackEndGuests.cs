using System.Globalization;
using Xenlet.QemuXen;

namespace Xenlet.Bench;

/// <summary>Xenlets that serve, one at a time, and the guests that they serve.</summary>
internal sealed class BackEndGuests
{
    private const string FirstLine = "BackEndBench serves";

    private readonly XenMachine _machine;
    private readonly MeasuredProgram _server;
    private readonly string _domainTime;
    private readonly CancellationToken _cancellation;
    private int _lastGuest;

    private BackEndGuests(XenMachine machine, MeasuredProgram server, string domainTime, CancellationToken cancellationToken)
    {
        _machine = machine;
        _server = server;
        _domainTime = domainTime;
        _cancellation = cancellationToken;
    }

    /// <summary>Publishes the Xenlet.</summary>
    public static async Task<BackEndGuests> PublishAsync(XenMachine machine, string directory, CancellationToken cancellationToken) => new(
        machine,
        await MeasuredProgram.PublishAsync("bench/BackEndBench", directory, null, cancellationToken),
        await MeasuredGuest.ShareDomainTimeAsync(machine, directory, cancellationToken),
        cancellationToken);

    /// <summary>Runs a Xenlet that serves, and keeps its figures.</summary>
    /// <param name="memoryMiB">Its memory.</param>
    /// <param name="measureAsync">Has it serve.</param>
    /// <param name="into">Receives its figures.</param>
    /// <param name="hasUplink">Whether its switch is connected to dom0's bridge.</param>
    public async Task ServeAsync(int memoryMiB, Func<ServingDomain, Task> measureAsync, WorkResults into, bool hasUplink = false)
    {
        GuestConfig config = new()
        {
            Name = NewName("server"),
            Kernel = _server.Image,
            MemoryMiB = memoryMiB,
            ExtraLines = ["driver_domain = 1"],
            CommandLine = hasUplink ? "uplink" : "",
            Vifs = hasUplink ? ["bridge=xenbr0"] : [],
        };
        await using XenGuest guest = await _machine.CreateGuestAsync(config, _cancellation);
        MeasuredGuest program = Measured(guest);
        await program.WaitAsync(FirstLine);
        await measureAsync(new(guest.DomainId, config.Name, program));
        into.Read(guest.Console.Text);
    }

    /// <summary>Starts a guest, which belongs to the caller, and waits until its program is ready.</summary>
    public async Task<(XenGuest Guest, MeasuredGuest Program)> StartAsync(GuestConfig config, string firstLine)
    {
        XenGuest guest = await _machine.CreateGuestAsync(config with { Name = NewName("front") }, _cancellation);
        MeasuredGuest program = Measured(guest);
        await program.WaitAsync(firstLine);
        return (guest, program);
    }

    /// <summary>The processor times of a serving domain and of those that it serves, in this order.</summary>
    public DomainTimes TimesOf(ServingDomain server, params IEnumerable<XenGuest> guests) =>
        TimesOf([server.Domain, .. guests.Select(guest => guest.DomainId)]);

    /// <summary>The processor times of domains.</summary>
    public DomainTimes TimesOf(IReadOnlyList<int> domains) => new(_machine, _domainTime, domains, _cancellation);

    private MeasuredGuest Measured(XenGuest guest) => new(_machine, guest, _domainTime, "", _cancellation);

    private string NewName(string kind) => string.Create(CultureInfo.InvariantCulture, $"{kind}-{++_lastGuest}");
}
