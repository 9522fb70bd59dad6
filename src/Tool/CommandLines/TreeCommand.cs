using Xenlet.Tool.Base;
using Xenlet.Tool.Devices;
using Xenlet.XenStoreRing;

namespace Xenlet.Tool.CommandLines;

/// <summary><c>xenlet tree</c>.</summary>
internal static class TreeCommand
{
    public const string Usage = """
        usage: xenlet tree [DOMAIN]

        Shows the devices of a domain as xenstore has them: the state of both ends, where the other end is, what the tool stack
        configured, and errors that either end has written. To be run in dom0, as root.

          DOMAIN    its number or its name; without it, all domains are shown

        The environment variable XENSTORED_PATH names another socket than xenstored's usual one.

        exit status: 0 done, 1 there is no such domain or no xenstore, 2 the command line was not understood

        """;

    public static async Task<int> RunAsync(Words words)
    {
        string? domain = words.AtEnd ? null : words.OnlyOperand("DOMAIN");
        try
        {
            await using XenStoreClient store = await XenStoreClient.ConnectAsync();
            Console.Out.Write(await new DomainDevices(store).FormatAsync(domain));
            return 0;
        }
        catch (XenStoreException failure)
        {
            throw new ToolException($"tree: {failure.Message}");
        }
    }
}
