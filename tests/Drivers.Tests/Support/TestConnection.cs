using Xenlet.Kernel;

namespace Xenlet.Drivers.Tests;

/// <summary>A <see cref="BlockDevice"/> connected to a <see cref="TestDisk"/>, without xenstore.</summary>
internal sealed class TestConnection : IDisposable
{
    public static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);

    private readonly List<TestDisk> _disks = [];
    private int _spuriousEvents;

    public TestConnection(
        long length = 1 << 20, BlockOptions? options = null, int sectorSize = 512, int indirectSegments = 256, bool isPersistent = true)
    {
        Options = options ?? new BlockOptions();
        Features = TestFeatures.OfDisk(length, sectorSize, indirectSegments);
        IsPersistent = isPersistent;
        Data = new byte[length];
        Device = new BlockDevice("xvda")
        {
            Ended = (_, error) =>
            {
                Error = error;
                HasEnded = true;
            },
            SpuriousEvent = _ => Interlocked.Increment(ref _spuriousEvents),
        };
        Disk = Connect();
    }

    public TestMachine Machine { get; } = new();

    public BlockOptions Options { get; }

    public BlockFeatures Features { get; set; }

    public bool IsPersistent { get; }

    public byte[] Data { get; }

    public BlockDevice Device { get; }

    public TestDisk Disk { get; private set; }

    /// <summary>The error with which the device ended.</summary>
    public Exception? Error { get; private set; }

    public bool HasEnded { get; private set; }

    /// <summary>Events without a response.</summary>
    public int SpuriousEvents => Volatile.Read(ref _spuriousEvents);

    /// <summary>Connects, at first and again after a resume.</summary>
    public TestDisk Connect()
    {
        BlockConnection connection = new(Device, Machine, Machine, 0, Options.RingPages, handle: 1, Options);
        Device.Open(connection);
        Disk = new TestDisk(Machine, connection.RingReferences, connection.Channel.Port, Data)
        {
            IsPersistent = IsPersistent,
            MaxIndirectSegments = Features.IndirectSegments,
        };
        _disks.Add(Disk);
        Device.Connect(Features);
        return Disk;
    }

    /// <summary>Suspends and resumes with a new connection.</summary>
    public TestDisk Resume()
    {
        Device.Quiesce();
        Disk.Dispose();
        Machine.Resume();
        Assert.True(Device.Disconnect());
        return Connect();
    }

    /// <summary>Ends everything, and checks that nothing is left.</summary>
    public void Dispose()
    {
        _disks.ForEach(disk => disk.Dispose());
        Device.Close("the test is over");
        Assert.Equal((0, 0, 0), (Machine.Pages, Machine.Grants, Machine.Channels));
    }

    /// <summary>A pattern that differs from sector to sector.</summary>
    public static byte[] Pattern(int length, int seed = 1)
    {
        byte[] bytes = new byte[length];
        new Random(seed).NextBytes(bytes);
        return bytes;
    }
}
