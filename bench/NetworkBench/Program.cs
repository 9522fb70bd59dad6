using System.Globalization;
using Xenlet.BenchPrograms;
using Xenlet.NetworkBench;

// Lines of standard input:
//   receive NAME RUN                     counts what another sends in a run: lines "measured NAME.FIGURE VALUE", for one frame
//   send NAME RUN SIZE COUNT             sends to dom0, which counts
//   push NAME RUN SIZE COUNT ADDRESS     sends to a guest that receives
await using Network network = await Network.OpenAsync();
Console.WriteLine("NetworkBench has a network interface");
await Commands.RunAsync(words => words switch
{
    ["receive", var name, var run] => ReceiveAsync(name, Number(run)),
    ["send", var name, var run, var size, var count] => SendAsync(name, Number(run), Number(size), Number(count)),
    ["push", var name, var run, var size, var count, var address] =>
        PushAsync(name, Number(run), Number(size), Number(count), BenchFrame.ParseAddress(address)),
    _ => null,
});

async Task ReceiveAsync(string name, int run)
{
    Arrivals arrivals = new(run);
    await network.AwaitBeginAsync(run);
    await Measure.RunAsync(name, async () =>
    {
        await network.ReceiveAsync(arrivals);
        return arrivals.Count;
    });
    Measure.Report(name, "arrived", arrivals.Count);
    Measure.Report(name, "frame", arrivals.Time.TotalNanoseconds / arrivals.Count);
}

async Task SendAsync(string name, int run, int size, int count)
{
    await network.AwaitBeginAsync(run);
    await Measure.RunAsync(name, async () =>
    {
        await network.SendAsync(run, size, count);
        return count;
    });
}

async Task PushAsync(string name, int run, int size, int count, byte[] address)
{
    await network.BeginAsync(run, address);
    await Measure.RunAsync(name, async () =>
    {
        await network.SendAsync(run, size, count);
        return count;
    });

    // For what is still on its way.
    await Task.Delay(TimeSpan.FromMilliseconds(300));
    await network.EndAsync(run);
}

static int Number(string word) => int.Parse(word, NumberStyles.None, CultureInfo.InvariantCulture);
