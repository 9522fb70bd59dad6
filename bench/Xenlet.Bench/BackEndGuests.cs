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
    public async Task ServeAsync(int memoryMiB, Func<ServingDomain, Task> measureAsync, WorkResults into)
    {
        GuestConfig config = new()
        {
            Name = NewName("server"),
            Kernel = _server.Image,
            MemoryMiB = memoryMiB,
            ExtraLines = ["driver_domain = 1"],
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
        new(_machine, _domainTime, [server.Domain, .. guests.Select(guest => guest.DomainId)], _cancellation);

    private MeasuredGuest Measured(XenGuest guest) => new(_machine, guest, _domainTime, "", _cancellation);

    private string NewName(string kind) => string.Create(CultureInfo.InvariantCulture, $"{kind}-{++_lastGuest}");
}
