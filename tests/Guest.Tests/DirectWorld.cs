using Xenlet.QemuXen;

namespace Xenlet.Guest.Tests;

/// <summary>QEMU's own PVH boot, without Xen: a machine for every guest.</summary>
public sealed class DirectWorld : World
{
    /// <inheritdoc/>
    public override string Name => "without Xen";

    /// <inheritdoc/>
    public override Task DisposeAsync() => Task.CompletedTask;

    /// <inheritdoc/>
    public override Task<DateTime> NowAsync() => Task.FromResult(DateTime.UtcNow);

    /// <inheritdoc/>
    public override Task<IGuest> StartAsync(GuestConfig config) => StartAsync(config, []);

    /// <summary>Starts a guest on a machine with further arguments for QEMU.</summary>
    public static async Task<IGuest> StartAsync(GuestConfig config, IReadOnlyList<string> qemuArguments) => await DirectBoot.StartAsync(
        new DirectBootOptions
        {
            Name = config.Name,
            Kernel = config.Kernel,
            Ramdisk = config.Ramdisk,
            MemoryMiB = config.MemoryMiB,
            VCpus = config.VCpus,
            CommandLine = config.CommandLine,
            ExtraArguments = qemuArguments,
        });
}

/// <summary>The tests that need no Xen, one after the other; they run beside those of the other collection.</summary>
[CollectionDefinition(Name)]
public sealed class WithoutXen : ICollectionFixture<DirectWorld>
{
    /// <summary>Name of the collection.</summary>
    public const string Name = "without Xen";
}
