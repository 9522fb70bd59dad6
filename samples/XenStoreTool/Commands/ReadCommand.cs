using Xenlet.XenStoreRing;

namespace XenStoreTool;

/// <summary>Prints values, a line each, as xenstore-read does; all requests are under way at once.</summary>
internal sealed class ReadCommand(string[] paths) : Command
{
    /// <inheritdoc/>
    public override async Task<bool> RunAsync(
        XenStoreClient store, TextWriter output, TextWriter errors, CancellationToken cancellationToken)
    {
        Task<byte[]>[] reads = [.. paths.Select(path => store.ReadBytesAsync(path, cancellationToken).AsTask())];
        foreach (Task<byte[]> read in reads)
        {
            output.WriteLine(NodeValue.ToText(await read));
        }

        return true;
    }
}
