using Xenlet.Net.Tcp;

namespace Xenlet.Net.Tests.Tcp.Simulation;

/// <summary>Two hosts with a path each way between them.</summary>
internal sealed class SimulatedNetwork
{
    public const int Port = 80;

    public SimulatedNetwork(int seed, bool isIPv6 = false, TcpFeatures left = TcpFeatures.All, TcpFeatures right = TcpFeatures.All)
    {
        Left = new SimulatedHost(Time, isIPv6 ? "2001:db8::1" : "10.0.0.1", seed + 1, left);
        Right = new SimulatedHost(Time, isIPv6 ? "2001:db8::2" : "10.0.0.2", seed + 2, right);
        Left.Link = new SimulatedLink(Time, seed + 3, Left) { To = Right };
        Right.Link = new SimulatedLink(Time, seed + 4, Right) { To = Left };
    }

    public SimulatedTime Time { get; } = new();

    /// <summary>The host that connects.</summary>
    public SimulatedHost Left { get; }

    /// <summary>The host that listens.</summary>
    public SimulatedHost Right { get; }

    public SimulatedServer? Server { get; private set; }

    public TcpListener? Listener { get; private set; }

    public int Steps { get; private set; }

    public void Listen(SimulatedServer server, TcpSettings? settings = null, int backlog = 16)
    {
        Server = server;
        Assert.Equal(TcpError.None, Right.Tcp.Bind(new Endpoint(Right.Address, Port), false, true, false, out TcpBinding? binding));
        Assert.Equal(TcpError.None, Right.Tcp.Listen(binding!, server, settings ?? new TcpSettings(), backlog, out TcpListener? listener));
        Right.Tcp.Release(binding!);
        Listener = listener;
    }

    public void Connect(SimulatedUser user, TcpSettings? settings = null)
    {
        Assert.Equal(
            TcpError.None,
            Left.Tcp.Connect(new Endpoint(Right.Address, Port), user, null, settings, out TcpConnection? connection));
        user.Connection = connection;
    }

    /// <summary>Lets time go by until a condition holds; false when it does not hold after so long.</summary>
    public bool RunUntil(Func<bool> condition, long limit, Action? check = null)
    {
        long end = Time.Now + limit;
        while (!condition())
        {
            long next = Math.Min(Time.Next, Math.Min(Left.NextDue, Right.NextDue));
            if (next > end)
            {
                Time.GoTo(end);
                return false;
            }

            Steps++;
            Time.GoTo(next);
            Time.RunDue();
            Left.RunTimers();
            Right.RunTimers();
            check?.Invoke();
        }

        return true;
    }

    public void Run(long duration) => RunUntil(() => false, duration);

    /// <summary>Closes the listener, lets TIME-WAIT pass, and sees that nothing is left of anything.</summary>
    public void AssertNothingIsLeft()
    {
        if (Listener is not null)
        {
            Right.Tcp.Close(Listener);
        }

        Run(300 * SimulatedTime.Second);
        foreach (SimulatedHost host in new[] { Left, Right })
        {
            Assert.Equal(0, host.Pool.Rented);
            Assert.Empty(host.Tcp.Connections);
            Assert.Equal(0, host.Tcp.TimeWaitCount);
            Assert.Equal(0, host.Tcp.Ports.Count);
            Assert.Equal(0, host.Timers.Count);
            Assert.Equal(0, host.Tcp.Counters.Faults);
        }
    }
}
