using Xenlet.Domain;
using Xenlet.Drivers;
using Xenlet.Kernel;

namespace Xenlet.DiskBench;

/// <summary>The disk xvda of a Xenlet, by the block driver as every program has it.</summary>
internal sealed class Disk : IAsyncDisposable
{
    private readonly DomainServices _services;
    private readonly BlockDevice _device;
    private byte[][] _buffers = [];

    private Disk(DomainServices services, BlockDevice device)
    {
        _services = services;
        _device = device;
    }

    /// <summary>Its length in bytes.</summary>
    public long Length => _device.Length;

    public static async Task<Disk> OpenAsync()
    {
        DomainServices services = await DomainServices.StartAsync(Kernel.Guest.Machine);
        return new Disk(services, await services.Disks.WaitForAsync("xvda"));
    }

    /// <summary>Makes ready for work of a kind, which is not to be measured: a buffer for each operation in flight.</summary>
    public void Prepare(Work work)
    {
        _buffers = [.. Enumerable.Range(0, work.Depth).Select(_ => new byte[work.Size])];
        foreach (byte[] buffer in _buffers)
        {
            Array.Fill(buffer, (byte)0xa5);
        }
    }

    /// <summary>Does the work, which was the last to be prepared.</summary>
    public Task RunAsync(Work work)
    {
        int next = -1;
        return work.Depth == 1 ? RunOneAsync(_buffers[0]) : Task.WhenAll(_buffers.Select(RunOneAsync));

        async Task RunOneAsync(byte[] buffer)
        {
            int number;
            while ((number = Interlocked.Increment(ref next)) < work.Count)
            {
                long offset = work.OffsetOf(number, _device.Length);
                if (work.IsWrite)
                {
                    await _device.WriteAsync(offset, buffer);
                }
                else
                {
                    await _device.ReadAsync(offset, buffer);
                }
            }
        }
    }

    public ValueTask DisposeAsync() => _services.DisposeAsync();
}
