using System.Buffers.Binary;
using System.Diagnostics;
using System.Globalization;
using Xenlet.Domain;
using Xenlet.Drivers;
using Xenlet.Kernel;

const string Usage = """
    usage: list                       the disks: size, sectors, what they can do
           dump DISK OFFSET LENGTH    bytes in hexadecimal; any offset, any length
           number DISK                writes into every sector its number
           check DISK                 looks whether the numbers are there
           copy FROM TO               one disk onto the beginning of another
    """;

const int Chunk = 1 << 20;

try
{
    await using DomainServices services = await DomainServices.StartAsync(Guest.Machine);
    await services.FrontBus.WaitForBootAsync();
    switch (args)
    {
        case ["list"]:
            foreach (BlockDevice disk in services.Disks.Devices)
            {
                Console.WriteLine(
                    $"{disk.Name}  {disk.Length} bytes in sectors of {disk.SectorSize}"
                    + $"{(disk.IsReadOnly ? ", read-only" : "")}{(disk.CanFlush ? ", flush" : "")}{(disk.CanDiscard ? ", discard" : "")}");
            }

            return 0;
        case ["dump", var name, var offset, var length]:
            await DumpAsync(Find(services, name), Number(offset), checked((int)Number(length)));
            return 0;
        case ["number", var name]:
            return await EachChunkAsync(Find(services, name), async (disk, offset, buffer) =>
            {
                Fill(buffer.Span, offset, disk.SectorSize);
                await disk.WriteAsync(offset, buffer);
                return true;
            });
        case ["check", var name]:
            byte[] expected = new byte[Chunk];
            return await EachChunkAsync(Find(services, name), async (disk, offset, buffer) =>
            {
                await disk.ReadAsync(offset, buffer);
                Fill(expected, offset, disk.SectorSize);
                int same = buffer.Span.CommonPrefixLength(expected);
                if (same < buffer.Length)
                {
                    Console.Error.WriteLine($"{disk.Name}: byte {offset + same} is not what 'number' writes");
                }

                return same == buffer.Length;
            });
        case ["copy", var from, var to]:
            BlockDevice target = Find(services, to);
            return await EachChunkAsync(Find(services, from), async (disk, offset, buffer) =>
            {
                await disk.ReadAsync(offset, buffer);
                await target.WriteAsync(offset, buffer);
                return true;
            });
        default:
            Console.Error.WriteLine(Usage);
            return 2;
    }
}
catch (Exception failure) when (failure is IOException
    or ArgumentException
    or FormatException
    or XenException
    or PlatformNotSupportedException)
{
    Console.Error.WriteLine($"Disk: {failure.Message}");
    return 1;
}

static BlockDevice Find(DomainServices services, string name) =>
    services.Disks.Devices.FirstOrDefault(disk => disk.Name == name) ?? throw new ArgumentException($"there is no disk '{name}'");

static long Number(string text) => long.Parse(text, CultureInfo.InvariantCulture);

// Every sector is full of its own number, as 64 bits in little-endian order.
static void Fill(Span<byte> bytes, long offset, int sectorSize)
{
    for (int i = 0; i < bytes.Length; i += sizeof(long))
    {
        BinaryPrimitives.WriteInt64LittleEndian(bytes[i..], (offset + i) / sectorSize);
    }
}

static async Task DumpAsync(BlockDevice disk, long offset, int length)
{
    // The stream takes any offset and length; the device itself whole sectors only.
    using BlockStream stream = new(disk) { Position = offset };
    byte[] line = new byte[16];
    while (length > 0)
    {
        int count = await stream.ReadAtLeastAsync(line.AsMemory(0, Math.Min(line.Length, length)), 1, throwOnEndOfStream: false);
        if (count == 0)
        {
            break;
        }

        Console.WriteLine($"{offset:x10}  {Convert.ToHexStringLower(line, 0, count)}");
        (offset, length) = (offset + count, length - count);
    }
}

static async Task<int> EachChunkAsync(BlockDevice disk, Func<BlockDevice, long, Memory<byte>, ValueTask<bool>> work)
{
    byte[] buffer = new byte[Chunk];
    long start = Stopwatch.GetTimestamp();
    for (long offset = 0; offset < disk.Length; offset += Chunk)
    {
        if (!await work(disk, offset, buffer.AsMemory(0, (int)Math.Min(Chunk, disk.Length - offset))))
        {
            return 1;
        }
    }

    TimeSpan time = Stopwatch.GetElapsedTime(start);
    Console.WriteLine($"{disk.Name}: {disk.Length} bytes in {time.TotalSeconds:0.000} s, {disk.Length / 1e6 / time.TotalSeconds:0.0} MB/s");
    return 0;
}
