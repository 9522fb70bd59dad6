namespace Xenlet.Net.Tests.Simulation;

/// <summary>Stacks on one wire, in time that passes only when the test says so.</summary>
internal sealed class TestNetwork
{
    private readonly List<IpStack> _stacks = [];
    private byte _count;

    public TestClock Clock { get; } = new();

    public TestWire Wire { get; } = new();

    /// <summary>Adds a stack with an interface, whose addresses are used at once unless the options say otherwise.</summary>
    public TestHost AddHost(string address = "", IpStackOptions? options = null)
    {
        IpStack stack = new(Clock, new TestRandom(++_count), options ?? Unprobed);
        TestLink link = Wire.AddLink(_count);
        link.Pool = stack.Pool;
        IpInterface at = stack.AddInterface("eth0", link);
        foreach (string each in address.Split(' ', StringSplitOptions.RemoveEmptyEntries))
        {
            string[] parts = each.Split('/');
            Assert.NotNull(stack.AddAddress(at, Parse(parts[0]), int.Parse(parts[1], null)));
        }

        _stacks.Add(stack);
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
            foreach (IpStack stack in _stacks)
            {
                stack.Run();
            }

            if (!_stacks.Exists(stack => stack.NextDue <= Clock.Now
                || stack.Interfaces.Any(each => ((TestLink)each.Link).Inbox.Count > 0)))
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
        while (_stacks.Min(stack => stack.NextDue) is long due && due <= end)
        {
            Clock.Now = Math.Max(Clock.Now, due);
            Settle();
        }

        Clock.Now = end;
    }
}
