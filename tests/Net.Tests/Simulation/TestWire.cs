namespace Xenlet.Net.Tests.Simulation;

/// <summary>What joins links: each frame arrives at all others, at once, unless the test takes it.</summary>
internal sealed class TestWire
{
    private readonly List<TestLink> _links = [];

    /// <summary>Decides whether a frame arrives; it may change the bytes.</summary>
    public Func<byte[], bool> Passes { get; set; } = _ => true;

    /// <summary>All frames that were sent, lost ones too.</summary>
    public List<byte[]> Sent { get; } = [];

    public TestLink AddLink(byte number)
    {
        TestLink link = new(this, new MacAddress([2, 0, 0, 0, 0, number]));
        _links.Add(link);
        return link;
    }

    public void Send(TestLink from, byte[] frame)
    {
        Sent.Add(frame);
        if (Passes(frame))
        {
            foreach (TestLink link in _links.Where(link => link != from))
            {
                link.Inbox.Enqueue([.. frame]);
            }
        }
    }
}
