using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Xenlet.BenchPrograms;

namespace Xenlet.WebBench;

/// <summary>The other end of what is measured, in dom0.</summary>
/// <param name="name">What the figures are called.</param>
/// <param name="address">The service's.</param>
internal sealed class Client(string name, IPAddress address)
{
    /// <summary>Between two tries to connect to a service that is about to start.</summary>
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(10);

    /// <summary>Requests of a connection that nothing is told of.</summary>
    private const int WarmUps = 3;

    private static readonly TimeSpan StartLimit = TimeSpan.FromMinutes(2);

    /// <summary>Does what words say: "ask PATH SCHEME CONNECTIONS COUNT" and so on.</summary>
    /// <exception cref="ArgumentException">They are not understood.</exception>
    public Task RunAsync(string[] words) => words switch
    {
        ["ask", var path, var scheme, var connections, var count] => AskAsync(path, scheme == "https", Number(connections), Number(count)),
        ["handshakes", var count] => HandshakesAsync(Number(count)),
        ["first", var domain] => FirstAsync(domain),
        _ => throw new ArgumentException($"'{string.Join(' ', words)}' is not understood."),
    };

    /// <summary>Each connection has one request under way. What is done for the first time is done before anything is measured.</summary>
    private async Task AskAsync(string path, bool isTls, int connections, int count)
    {
        int each = count / connections;
        HttpConnection[] open = new HttpConnection[connections];
        for (int i = 0; i < connections; i++)
        {
            open[i] = await HttpConnection.OpenAsync(address, path, isTls);
        }

        await AskAllAsync(WarmUps);
        await Controller.MeasureAsync(address, each * connections, async () =>
        {
            long start = Stopwatch.GetTimestamp();
            double[][] times = await AskAllAsync(each);
            Measure.ReportRequests(name, Stopwatch.GetElapsedTime(start), times);
        });
        Array.ForEach(open, connection => connection.Dispose());

        Task<double[][]> AskAllAsync(int times) => Task.WhenAll(open.Select(connection => AskAsync(connection, times)));
    }

    private static async Task<double[]> AskAsync(HttpConnection connection, int count)
    {
        double[] times = new double[count];
        for (int i = 0; i < count; i++)
        {
            long start = Stopwatch.GetTimestamp();
            await connection.AskAsync();
            times[i] = Stopwatch.GetElapsedTime(start).TotalMicroseconds;
        }

        return times;
    }

    /// <summary>Connections one after the other, each with a whole handshake and nothing else.</summary>
    private async Task HandshakesAsync(int count)
    {
        await ShakeAsync(WarmUps);
        await Controller.MeasureAsync(address, count, async () =>
        {
            long start = Stopwatch.GetTimestamp();
            double[] times = await ShakeAsync(count);
            Measure.ReportRequests(name, Stopwatch.GetElapsedTime(start), [times]);
        });
    }

    private async Task<double[]> ShakeAsync(int count)
    {
        double[] times = new double[count];
        for (int i = 0; i < count; i++)
        {
            long start = Stopwatch.GetTimestamp();
            using HttpConnection connection = await HttpConnection.OpenAsync(address, "plain", isTls: true);
            times[i] = Stopwatch.GetElapsedTime(start).TotalMicroseconds;
        }

        return times;
    }

    /// <summary>
    /// Starts a domain, and asks until it answers. Each try is a connection of its own: TCP itself would try again after a second only.
    /// </summary>
    private async Task FirstAsync(string domain)
    {
        long start = Stopwatch.GetTimestamp();
        using Process unpause = Process.Start("xl", ["unpause", domain]);
        List<Task<bool>> tries = [];
        while (!tries.Any(each => each.IsCompleted && each.Result))
        {
            tries.RemoveAll(each => each.IsCompleted);
            tries.Add(TryAsync());
            await Task.WhenAny([.. tries, Task.Delay(Pause)]);
            if (Stopwatch.GetElapsedTime(start) > StartLimit)
            {
                throw new InvalidDataException($"{domain} does not answer");
            }
        }

        Measure.Report(name, "answer", Stopwatch.GetElapsedTime(start).TotalMilliseconds);
        await unpause.WaitForExitAsync();
    }

    private async Task<bool> TryAsync()
    {
        try
        {
            using HttpConnection connection = await HttpConnection.OpenAsync(address, "plain", isTls: false);
            await connection.AskAsync();
            return true;
        }
        catch (Exception failure) when (failure is SocketException or IOException)
        {
            // As long as nobody listens, or nobody is there.
            await Task.Delay(Pause);
            return false;
        }
    }

    private static int Number(string word) => int.Parse(word, NumberStyles.None, CultureInfo.InvariantCulture);
}
