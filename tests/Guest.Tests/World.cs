using Xenlet.QemuXen;

namespace Xenlet.Guest.Tests;

/// <summary>A way to boot guests, and the results of the boots that many tests share.</summary>
public abstract class World : IAsyncLifetime
{
    /// <summary>Memory of the guests that run cases, in MiB.</summary>
    public const int CaseMemory = 64;

    /// <summary>Memory of the guests that have devices, in MiB: a save, a restore and a migration carry all of it through dom0.</summary>
    public const int DeviceMemory = 32;

    /// <summary>Memory of guests that are saved often and keep little, in MiB.</summary>
    public const int SavedMemory = 24;

    /// <summary>Memory of guests that are saved and have a small image, in MiB.</summary>
    public const int SmallMemory = 16;

    private readonly Lock _lock = new();
    private readonly Dictionary<string, Task<SharedBoot>> _shared = [];
    private int _lastGuest;

    /// <summary>The world's name, for messages.</summary>
    public abstract string Name { get; }

    /// <summary>The longest that a boot with a handful of cases may take.</summary>
    public static TimeSpan Limit => TimeSpan.FromMinutes(5);

    /// <inheritdoc/>
    public virtual Task InitializeAsync() => Task.CompletedTask;

    /// <inheritdoc/>
    public abstract Task DisposeAsync();

    /// <summary>The wall clock that guests are set by.</summary>
    public abstract Task<DateTime> NowAsync();

    /// <summary>Starts a guest from the image of cases.</summary>
    public async Task<IGuest> StartCaseAsync(string commandLine, int memory = CaseMemory) =>
        await StartAsync(new GuestConfig { Name = NewName(), Kernel = await Images.Cases, MemoryMiB = memory, CommandLine = commandLine });

    /// <summary>Starts any guest.</summary>
    public abstract Task<IGuest> StartAsync(GuestConfig config);

    /// <summary>A name no other guest of this world has.</summary>
    public string NewName() => $"guest{Interlocked.Increment(ref _lastGuest)}";

    /// <summary>Runs a guest to its end.</summary>
    public async Task<EndedGuest> RunAsync(GuestConfig config, TimeSpan? limit = null)
    {
        await using IGuest guest = await StartAsync(config);
        return await EndedGuest.OfAsync(guest, limit ?? Limit);
    }

    /// <summary>Runs a guest from the image of cases to its end.</summary>
    public async Task<EndedGuest> RunCaseAsync(string commandLine, int memory = CaseMemory)
    {
        await using IGuest guest = await StartCaseAsync(commandLine, memory);
        return await EndedGuest.OfAsync(guest, Limit);
    }

    /// <summary>The boot that ran all cases that can share one; made when first asked for.</summary>
    internal Task<SharedBoot> SharedAsync() => BootedAsync("all");

    /// <summary>The boot with a command line of the image of cases; made when first asked for.</summary>
    internal Task<SharedBoot> BootedAsync(string commandLine)
    {
        lock (_lock)
        {
            if (!_shared.TryGetValue(commandLine, out Task<SharedBoot>? boot))
            {
                boot = SharedBoot.RunAsync(this, commandLine);
                _shared.Add(commandLine, boot);
            }

            return boot;
        }
    }
}

/// <summary>A guest that has ended.</summary>
/// <param name="End">How.</param>
/// <param name="Console">All it wrote, without carriage returns.</param>
public sealed record EndedGuest(GuestEnd End, string Console)
{
    /// <summary>Its console, line by line.</summary>
    public string[] Lines => Console.Split('\n');

    internal static async Task<EndedGuest> OfAsync(IGuest guest, TimeSpan limit)
    {
        GuestEnd end = await guest.WaitForEndAsync(limit);
        return new EndedGuest(end, guest.Console.Text.Replace("\r", "", StringComparison.Ordinal));
    }

    /// <summary>Fails unless the guest switched itself off and its last line gave this status.</summary>
    public EndedGuest AssertExited(int status)
    {
        Assert.True(
            End.Reason == GuestEndReason.PowerOff && End.ExitStatus == status, $"expected exit status {status}, was {End}:\n{Console}");
        return this;
    }

    /// <summary>Fails unless the guest ended as crashed.</summary>
    public EndedGuest AssertCrashed()
    {
        Assert.True(End.Reason == GuestEndReason.Crash, $"expected a crash, was {End}:\n{Console}");
        return this;
    }
}
