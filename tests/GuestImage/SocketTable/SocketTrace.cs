using System.Collections;
using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Xenlet.GuestImage.SocketTable;

/// <summary>What came of the steps of one row, in their order. Ports that the system chose are named by their first appearance.</summary>
internal sealed class SocketTrace : IAsyncDisposable
{
    /// <summary>The first port that either system chooses by itself (net.ipv4.ip_local_port_range).</summary>
    private const int FirstEphemeralPort = 32_768;

    private const int ShortPause = 100;
    private const int LongPause = 6_400;

    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(1);

    private readonly List<string> _steps = [];
    private readonly List<int> _ports = [];
    private readonly List<IDisposable> _owned = [];

    /// <summary>All steps, in one line.</summary>
    public string Text => string.Join("; ", _steps);

    /// <summary>Has the row's end dispose of something.</summary>
    public T Own<T>(T owned)
        where T : IDisposable
    {
        _owned.Add(owned);
        return owned;
    }

    public ValueTask DisposeAsync()
    {
        for (int i = _owned.Count - 1; i >= 0; i--)
        {
            _owned[i].Dispose();
        }

        return ValueTask.CompletedTask;
    }

    public void Say(string text) => _steps.Add(text);

    /// <summary>Does something: "ok", or its error.</summary>
    public void Do(string what, Action act) => Get<string?>(what, () =>
    {
        act();
        return "ok";
    });

    /// <summary>Writes down what something returns, or its error.</summary>
    public T? Get<T>(string what, Func<T> get)
    {
        try
        {
            T got = get();
            Say($"{what} {Show(got)}");
            return got;
        }
        catch (Exception error)
        {
            Say($"{what} {Show(error)}");
            return default;
        }
    }

    /// <summary>Awaits something: "ok", or its error.</summary>
    public async Task DoAsync(string what, Func<Task> act) => await GetAsync<string?>(what, async () =>
    {
        await act();
        return "ok";
    });

    /// <summary>Writes down what something returns when it ends, or its error.</summary>
    public async Task<T?> GetAsync<T>(string what, Func<Task<T>> get)
    {
        try
        {
            T got = await get().WaitAsync(Limit);
            Say($"{what} {Show(got)}");
            return got;
        }
        catch (Exception error)
        {
            Say($"{what} {(error is TimeoutException ? "DID NOT END" : Show(error))}");
            return default;
        }
    }

    /// <summary>Runs something that blocks on a thread of its own.</summary>
    public static Task<T> Begin<T>(Func<T> act)
    {
        TaskCompletionSource<T> ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
        new Thread(() =>
        {
            try
            {
                ended.SetResult(act());
            }
            catch (Exception error)
            {
                ended.SetException(error);
            }
        })
        {
            IsBackground = true,
        }.Start();
        return ended.Task;
    }

    /// <summary>Begins something that waits, and cancels it then: what is cancelled before it begins fails in another way.</summary>
    public static async Task<T> CancelAsync<T>(Func<CancellationToken, Task<T>> begin)
    {
        using CancellationTokenSource cancelled = new();
        Task<T> begun = begin(cancelled.Token);
        cancelled.CancelAfter(30);
        return await begun;
    }

    /// <summary>
    /// Disposes of a socket in which a thread waits, and writes down what that gets. Nothing tells that the thread waits: one that comes
    /// later, and finds its socket disposed of already, has more time with the next one.
    /// </summary>
    public async Task DisposeMeanwhileAsync<T>(string what, Func<Socket> open, Func<Socket, T> wait)
    {
        for (int pause = ShortPause; ; pause *= 2)
        {
            Socket socket = open();
            Task<T> waiting = Begin(() => wait(socket));
            await Task.Delay(pause);
            socket.Dispose();
            await Task.WhenAny(waiting, Task.Delay(Limit));
            if (pause == LongPause || waiting.Exception?.InnerException is not ObjectDisposedException)
            {
                await GetAsync(what, () => waiting);
                return;
            }
        }
    }

    /// <summary>Waits until something is so that no poll tells of. What is written down next shows when it never is.</summary>
    public static void Await(Func<bool> isSo)
    {
        long began = Stopwatch.GetTimestamp();
        while (!isSo() && Stopwatch.GetElapsedTime(began) < Limit)
        {
            Thread.Sleep(1);
        }
    }

    /// <summary>How something looks in the table.</summary>
    public string Show(object? value) => value switch
    {
        null => "null",
        string text => text,
        bool flag => flag ? "true" : "false",
        SocketException error => $"{error.SocketErrorCode}/{error.NativeErrorCode}",
        Exception { InnerException: SocketException inner } outer => $"{outer.GetType().Name}({Show(inner)})",
        Exception error => error.GetType().Name,
        IPEndPoint point => $"{Show(point.Address)}|{Port(point.Port)}",
        IPAddress address => address.ToString(),
        IPPacketInformation packet => $"{packet.Address} at {packet.Interface}",
        LingerOption linger => $"{Show(linger.Enabled)},{linger.LingerTime}",
        byte[] bytes => bytes.All(each => each is >= 32 and < 127) ? $"'{Encoding.ASCII.GetString(bytes)}'" : Convert.ToHexString(bytes),
        SocketReceiveFromResult received => $"{received.ReceivedBytes} from {Show(received.RemoteEndPoint)}",
        SocketReceiveMessageFromResult received =>
            $"{received.ReceivedBytes} {received.SocketFlags} from {Show(received.RemoteEndPoint)} to {Show(received.PacketInformation)}",
        UdpReceiveResult received => $"{Show(received.Buffer)} from {Show(received.RemoteEndPoint)}",
        IEnumerable many => $"[{string.Join(' ', many.Cast<object?>().Select(Show))}]",
        IFormattable number => number.ToString(null, CultureInfo.InvariantCulture),
        _ => value.GetType().Name,
    };

    /// <summary>
    /// Names ports anew, from the first: those that are chosen at random, one after the other, are the same now and then, and on Linux at
    /// other times than in a guest.
    /// </summary>
    public void ForgetPorts() => _ports.Clear();

    private string Port(int port)
    {
        if (port < FirstEphemeralPort)
        {
            return port.ToString(CultureInfo.InvariantCulture);
        }

        if (!_ports.Contains(port))
        {
            _ports.Add(port);
        }

        return $"P{_ports.IndexOf(port) + 1}";
    }
}
