using Xenlet.XenStoreRing;

namespace XenStoreTool;

/// <summary>
/// Removes nodes, one after the other. As with xenstore-rm, one that is not there is no failure as long as its parent is.
/// </summary>
internal sealed class RemoveCommand(string[] paths) : Command
{
    /// <inheritdoc/>
    public override async Task<bool> RunAsync(
        XenStoreClient store, TextWriter output, TextWriter errors, CancellationToken cancellationToken)
    {
        foreach (string path in paths)
        {
            await store.RemoveAsync(path, cancellationToken);
        }

        return true;
    }
}
