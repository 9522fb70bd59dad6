using System.Globalization;
using Xenlet.StoreBench;
using XenStoreTool;

// read NODE           measures reads of a node, and ends with "StoreBench has ended"
// answer HOME COUNT   answers COUNT events of HOME/ping by writing HOME/pong
// ask HOME COUNT      writes HOME/ping and waits for HOME/pong, COUNT times
// On Linux also, by libxenstore: library-read NODE, library-answer HOME COUNT
if (OtherLibrary.TryRun(args))
{
    return;
}

await using Store store = await Store.ConnectAsync(CancellationToken.None);
switch (args)
{
    case ["read", var node]:
        await ReadMeasures.RunAsync(store.Client, node);
        break;
    case ["answer", var home, var count]:
        await Exchanges.AnswerAsync(store.Client, home, int.Parse(count, CultureInfo.InvariantCulture));
        break;
    case ["ask", var home, var count]:
        await Exchanges.AskAsync(store.Client, home, int.Parse(count, CultureInfo.InvariantCulture));
        break;
    default:
        throw new ArgumentException($"'{string.Join(' ', args)}' is not understood.");
}

Console.WriteLine("StoreBench has ended");
