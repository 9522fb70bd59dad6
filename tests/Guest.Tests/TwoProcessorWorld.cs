using Xenlet.QemuXen;

namespace Xenlet.Guest.Tests;

/// <summary>
/// Real Xen on two processors, dom0 on the first and the guests on the second, so that the two ends of each ring run at the same time.
/// </summary>
public sealed class TwoProcessorWorld : XenWorld
{
    /// <inheritdoc/>
    public override string Name => "on two processors";

    /// <inheritdoc/>
    protected override int Processors => 2;

    /// <inheritdoc/>
    public override Task<IGuest> StartAsync(GuestConfig config) =>
        base.StartAsync(config with { ExtraLines = [.. config.ExtraLines, "cpus = \"1\""] });
}

/// <summary>The tests whose two ends run at the same time.</summary>
[CollectionDefinition(Name)]
public sealed class OnTwoProcessors : ICollectionFixture<TwoProcessorWorld>
{
    /// <summary>Name of the collection.</summary>
    public const string Name = "on two processors";
}
