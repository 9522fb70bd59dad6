namespace Xenlet.Net.Tests.Simulation;

/// <summary>Stacks on one wire, in time that passes only when the test says so.</summary>
internal sealed class TestNetwork
{
    private readonly List<(IpStack Stack, HostClock Clock)> _hosts = [];
    private IpStack? _resting;
    private byte _count;

    public TestClock Clock { get; } = new();

    public TestWire Wire { get; } = new();

    /// <summary>Adds a stack with an interface, whose addresses are used at once unless the options say otherwise.</summary>
    /// <param name="address">Its addresses, with blanks between them.</param>
    /// <param name="options">The stack's; none for those of <see cref="Unprobed"/>.</param>
    /// <param name="faults">What makes its clock, its randomness and its link fail.</param>
    public TestHost AddHost(string address = "", IpStackOptions? options = null, TestFaults? faults = null)
    {
        HostClock clock = new(Clock) { Faults = faults };
        IpStack stack = new(clock, new TestRandom(++_count) { Faults = faults }, options ?? Unprobed);
        TestLink link = Wire.AddLink(_count);
        link.Faults = faults;
        link.Pool = stack.Pool;
        IpInterface at = stack.AddInterface("eth0", link);
        foreach (string each in address.Split(' ', StringSplitOptions.RemoveEmptyEntries))
        {
            string[] parts = each.Split('/');
            Assert.NotNull(stack.AddAddress(at, Parse(parts[0]), int.Parse(parts[1], null)));
        }

        _hosts.Add((stack, clock));
        Settle();
        return new TestHost(stack, at, link);
    }

    public static IpStackOptions Unprobed { get; } = new()
    {
        IPv4ProbeInterval = TimeSpan.Zero,
        IPv6ProbeInterval = TimeSpan.Zero,
    };

    public static InternetAddress Parse(string text) =>
        InternetAddress.TryParse(text, out InternetAddress address) ? address : throw new FormatException(text);

    /// <summary>Lets everything happen that happens now.</summary>
    public void Settle()
    {
        for (int turn = 0; turn < 10_000; turn++)
        {
            foreach ((IpStack stack, HostClock _) in Awake)
            {
                stack.Run();
            }

            if (!Awake.Any(host => DueOf(host) <= Clock.Now
                || host.Stack.Interfaces.Any(each => ((TestLink)each.Link).Inbox.Count > 0)))
            {
                return;
            }
        }

        Assert.Fail("the stacks do not come to rest: something is sent again and again without time passing");
    }

    /// <summary>Lets time pass, and everything happen in it.</summary>
    public void Advance(TimeSpan time)
    {
        long end = Clock.Now + (time.Ticks * 100);
        Settle();
        while (Awake.Min(DueOf) is long due && due <= end)
        {
            Clock.Now = Math.Max(Clock.Now, due);
            Settle();
        }

        Clock.Now = end;
    }

    /// <summary>Lets time pass to the millisecond in which something is so, and fails when it is not in time.</summary>
    public void AdvanceUntil(Func<bool> isSo, TimeSpan limit)
    {
        long end = Clock.Now + (limit.Ticks * 100);
        while (!isSo())
        {
            Assert.True(Clock.Now < end, $"it is not so within {limit}");
            Advance(TimeSpan.FromMilliseconds(1));
        }
    }

    /// <summary>
    /// Lets time pass without a host: it stands, as a guest that gets no processor does, and finds then what has arrived.
    /// </summary>
    public void Starve(TestHost host, TimeSpan time)
    {
        _resting = host.Stack;
        Advance(time);
        _resting = null;
    }

    /// <summary>
    /// The same with a host that is saved and restored: its clock stands too, what comes meanwhile is lost, and its link is another one.
    /// </summary>
    public void Save(TestHost host, TimeSpan time, Action<TestLink>? change = null)
    {
        Starve(host, time);
        int place = _hosts.FindIndex(each => each.Stack == host.Stack);
        _hosts[place].Clock.Behind += time.Ticks * 100;
        host.Link.Inbox.Clear();
        change?.Invoke(host.Link);
        host.Stack.OnLinkChanged(host.Interface);
        Settle();
    }

    private IEnumerable<(IpStack Stack, HostClock Clock)> Awake => _hosts.Where(host => host.Stack != _resting);

    private static long DueOf((IpStack Stack, HostClock Clock) host) =>
        host.Stack.NextDue == long.MaxValue ? long.MaxValue : host.Stack.NextDue + host.Clock.Behind;
}
