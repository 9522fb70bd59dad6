using CsCheck;

namespace Xenlet.Drivers.Tests;

public sealed class BlockStreamTests
{
    [Fact]
    public void Against_a_memory_stream_any_reads_and_writes_at_any_place_do_the_same() =>
        Gen.Int.Sample(seed =>
        {
            Random random = new(seed);
            using TestConnection connection = new(length: 64 << 10, sectorSize: 512 << random.Next(4));
            connection.Disk.Start();
            using BlockStream stream = new(connection.Device);
            byte[] model = new byte[connection.Data.Length];
            using MemoryStream expected = new(model);
            byte[] left = new byte[20_000];
            byte[] right = new byte[20_000];
            for (int step = 0; step < 60; step++)
            {
                if (random.Next(2) == 0)
                {
                    int position = random.Next(model.Length + 1);
                    Assert.Equal(expected.Seek(position, SeekOrigin.Begin), stream.Seek(position - model.Length, SeekOrigin.End));
                }

                int count = Math.Min(
                    random.Next(2) == 0 ? random.Next(20_000) : random.Next(64) * 512, model.Length - (int)expected.Position);
                switch (random.Next(6))
                {
                    case 0:
                        random.NextBytes(left);
                        expected.Write(left, 0, Math.Min(count, left.Length));
                        stream.Write(left, 0, Math.Min(count, left.Length));
                        break;
                    case 1:
                        random.NextBytes(left);
                        expected.Write(left.AsSpan(0, Math.Min(count, left.Length)));
                        stream.Write(left.AsSpan(0, Math.Min(count, left.Length)));
                        break;
                    case 2:
                        random.NextBytes(left);
                        expected.Write(left, 0, Math.Min(count, left.Length));
                        stream.WriteAsync(left.AsMemory(0, Math.Min(count, left.Length))).AsTask().GetAwaiter().GetResult();
                        break;
                    case 3:
                        int read = stream.Read(right, 0, Math.Min(count, right.Length));
                        expected.ReadExactly(left, 0, read);
                        Assert.Equal(left.AsSpan(0, read).ToArray(), right.AsSpan(0, read).ToArray());
                        break;
                    case 4:
                        stream.ReadExactly(right.AsSpan(0, Math.Min(count, right.Length)));
                        expected.ReadExactly(left.AsSpan(0, Math.Min(count, left.Length)));
                        Assert.Equal(
                            left.AsSpan(0, Math.Min(count, left.Length)).ToArray(),
                            right.AsSpan(0, Math.Min(count, right.Length)).ToArray());
                        break;
                    case 5:
                        Assert.Equal(expected.ReadByte(), stream.ReadByte());
                        break;
                }

                Assert.Equal(expected.Position, stream.Position);
            }

            stream.Flush();
            Assert.Equal(model, connection.Data);
        }, iter: 60);

    [Fact]
    public void What_reaches_beyond_the_end_is_cut_for_reads_and_refused_for_writes()
    {
        using TestConnection connection = new(length: 4096);
        connection.Disk.Start();
        using BlockStream stream = new(connection.Device);
        stream.Position = 4090;
        Assert.Equal(6, stream.Read(new byte[100]));
        Assert.Equal(0, stream.Read(new byte[100]));
        Assert.Equal(-1, stream.ReadByte());
        stream.Position = 4090;
        Assert.Throws<IOException>(() => stream.Write(new byte[7]));
        Assert.Throws<NotSupportedException>(() => stream.SetLength(1));
        Assert.Throws<IOException>(() => stream.Seek(-1, SeekOrigin.Begin));
    }

    [Fact]
    public async Task Two_streams_that_write_parts_of_one_sector_lose_nothing_of_each_other()
    {
        using TestConnection connection = new(length: 4096);
        connection.Disk.Start();
        await Task.WhenAll(Enumerable.Range(0, 8).Select(number => Task.Run(async () =>
        {
            using BlockStream stream = new(connection.Device);
            for (int i = 0; i < 64; i++)
            {
                stream.Position = (i * 8) + number;
                await stream.WriteAsync(new[] { (byte)(number + 1) });
            }
        }))).WaitAsync(TestConnection.Patience);
        Assert.Equal(Enumerable.Range(0, 512).Select(i => (byte)((i % 8) + 1)), connection.Data.Take(512));
    }
}
