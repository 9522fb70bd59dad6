using Xenlet.BackEnds.Block;
using Xenlet.Kernel;
using Xenlet.XenBus;

namespace Xenlet.BackEnds;

/// <summary>The driver of block back ends (<c>vbd</c>): it serves stores to other domains as their disks.</summary>
/// <param name="channels">Binds to the front ends' event channels.</param>
/// <param name="foreign">Reaches the front ends' pages.</param>
/// <param name="open">
/// Finds the store for a disk, in a few seconds. The store remains the caller's: several front ends may share it, and it is in use until
/// the back end has detached. Before a front end is connected, what others of the same object have put into their rings is done: a domain
/// that is migrated has two for a while. An exception is the answer to a disk that cannot be served; its message is for the
/// administrator.
/// </param>
/// <param name="limits">What each front end can have.</param>
public sealed class BlockBackEndDriver(
    IEventChannels channels,
    IForeignPages foreign,
    Func<BlockStoreRequest, CancellationToken, ValueTask<IBlockStore>> open,
    BackEndLimits? limits = null) : BackEndDriver("vbd", channels, foreign, limits)
{
    /// <inheritdoc/>
    public override string Name => "block back end";

    /// <inheritdoc/>
    public override string ReportName => "block back ends";

    /// <summary>The servers of all connections to a store.</summary>
    internal IEnumerable<BlockServer> ServersOf(IBlockStore store) =>
        Attached.OfType<BlockBackEnd>().Select(backEnd => backEnd.ServerOf(store)).OfType<BlockServer>();

    /// <inheritdoc/>
    protected override BackEnd Create(XenDevice device) => new BlockBackEnd(this, device, open);
}
