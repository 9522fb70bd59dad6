using System.Runtime.InteropServices;

namespace Xenlet.Kernel.Tests;

/// <summary>The generator, what it is seeded from, and which sources it does not trust.</summary>
public sealed unsafe class RandomNumbersTests : NucleusTest
{
    private const ulong Second = 1_000_000_000;

    private static byte[] State
    {
        get
        {
            object key = Field(typeof(RandomNumbers), "s_key").GetValue(null)!;
            GCHandle pin = GCHandle.Alloc(key, GCHandleType.Pinned);
            byte[] bytes = new Span<byte>((void*)pin.AddrOfPinnedObject(), 32).ToArray();
            pin.Free();
            return bytes;
        }
    }

    [Fact]
    public void A_request_replaces_the_key_by_what_does_not_lead_back_to_what_it_was_given()
    {
        Start(hasRandom: true, hasSeed: true);
        byte[] before = State;

        byte[] given = Draw(100);

        // The first half of a block under the old key is the next key, the second half the key of the request.
        byte[] block = Block(before, 0);
        Assert.Equal(block[..32], State);
        Assert.Equal([.. Block(block[32..], 0), .. Block(block[32..], 1)[..36]], given);
        Assert.NotEqual(given, Draw(100));
    }

    /// <summary>Two boots that are alike in everything give the same, which is what makes the other cases a test.</summary>
    [Theory]
    [InlineData("nothing", true, true, true)]
    [InlineData("RDSEED", true, true, false)]
    [InlineData("RDRAND", true, false, false)]
    [InlineData("RDRAND beside a dry RDSEED", true, true, false)]
    [InlineData("the date", false, false, false)]
    [InlineData("a reading of the time-stamp counter", false, false, false)]
    public void Boots_that_differ_in_one_thing_give_different_numbers(string what, bool hasRandom, bool hasSeed, bool areEqual)
    {
        byte[][] given = [.. Enumerable.Range(0, 2).Select(number =>
        {
            ulong variant = (ulong)number;
            Boot(DefaultFrames);
            Machine.SeedNumber = what == "RDRAND beside a dry RDSEED" ? () => null : RandomSource.Sequence(what == "RDSEED" ? variant : 9);
            Machine.RandomNumber = RandomSource.Sequence(what.StartsWith("RDRAND", StringComparison.Ordinal) ? variant : 9);
            if (what == "the date")
            {
                Field(typeof(TscClock), "<WallClockOffset>k__BackingField").SetValue(null, BootUnixTime + variant);
            }
            else if (what == "a reading of the time-stamp counter")
            {
                ulong readings = 0;
                Machine.TimeStampCounter = () => ++readings == 700 ? variant : 0;
            }

            RandomSource.Describe(hasRandom, hasSeed);
            RandomNumbers.Seed();
            return Draw(32);
        })];

        Assert.Equal(areEqual, given[0].SequenceEqual(given[1]));
        Assert.NotEqual(new byte[32], given[0]);
    }

    public static TheoryData<string> Faults =>
        ["all ones", "zeros", "a number for ever", "two in turn", "all ones after a while", "one number twice"];

    [Theory]
    [MemberData(nameof(Faults))]
    public void A_source_that_repeats_itself_is_not_used_and_the_guest_says_so(string fault)
    {
        int drawn = 0;
        Func<ulong?> good = RandomSource.Sequence(3);
        Machine.RandomNumber = fault switch
        {
            "all ones" => () => ulong.MaxValue,
            "zeros" => () => 0,
            "a number for ever" => () => 0x1234_5678_9abc_def0,
            "two in turn" => () => drawn++ % 2 == 0 ? 77ul : 78,
            "all ones after a while" => good.Then(68, () => ulong.MaxValue),
            _ => good.Then(40, () => drawn++ < 2 ? 5 : good()),
        };
        RandomSource.Describe(hasRandom: true, hasSeed: false);

        RandomNumbers.Seed();

        Assert.False(ProcessorRandom.IsAvailable);
        Assert.Equal(
            "xenlet: WARNING: RDRAND gives the same numbers again: it is not used\n"
            + "xenlet: WARNING: the processor has no working RDRAND or RDSEED: random numbers come from the jitter of its clock\n",
            KernelLog.Text);
        Assert.NotEqual(Draw(32), Draw(32));
    }

    [Fact]
    public void A_broken_RDSEED_leaves_RDRAND_and_the_other_way_round()
    {
        RandomSource.Describe(hasRandom: true, hasSeed: true);
        Machine.SeedNumber = () => ulong.MaxValue;
        Machine.RandomNumber = RandomSource.Sequence(1);

        RandomNumbers.Seed();

        Assert.True(ProcessorRandom.IsAvailable);
        Assert.Equal("xenlet: WARNING: RDSEED gives the same numbers again: it is not used\n", KernelLog.Text);
        Machine.SeedNumber = RandomSource.Sequence(2);
        Machine.RandomNumber = () => 0;
        RandomNumbers.Seed();
        Assert.True(ProcessorRandom.IsAvailable);
    }

    [Fact]
    public void A_processor_without_a_generator_is_named_once_and_gives_numbers_all_the_same()
    {
        RandomSource.Describe(hasRandom: false, hasSeed: false);

        RandomNumbers.Seed();
        RandomNumbers.Seed();

        Assert.Equal(
            "xenlet: WARNING: the processor has no working RDRAND or RDSEED: random numbers come from the jitter of its clock\n",
            KernelLog.Text);
        ulong buffer = Allocate(1);
        Assert.Equal(8, Call(SystemCallNumber.Getrandom, buffer, 8));
        Assert.NotEqual(0ul, *(ulong*)buffer);
    }

    [Fact]
    public void The_key_is_renewed_when_it_is_a_minute_old()
    {
        int drawn = 0;
        Func<ulong?> good = RandomSource.Sequence(1);
        Machine.RandomNumber = () =>
        {
            drawn++;
            return good();
        };
        RandomSource.Describe(hasRandom: true, hasSeed: false);
        RandomNumbers.Seed();
        (drawn, Now) = (0, (60 * Second) - 1);
        Draw(8);
        Assert.Equal(0, drawn);

        (drawn, Now) = (0, 60 * Second);
        Draw(8);
        Assert.Equal(8, drawn);
        Draw(8);
        Assert.Equal(8, drawn);
    }

    private static void Start(bool hasRandom, bool hasSeed)
    {
        Machine.RandomNumber = RandomSource.Sequence(1);
        Machine.SeedNumber = RandomSource.Sequence(2);
        RandomSource.Describe(hasRandom, hasSeed);
        RandomNumbers.Seed();
    }

    private static byte[] Draw(int count)
    {
        byte[] bytes = new byte[count];
        fixed (byte* first = bytes)
        {
            RandomNumbers.Fill(first, (ulong)count);
        }

        return bytes;
    }

    private static byte[] Block(byte[] key, uint counter)
    {
        byte[] block = new byte[ChaCha20.BlockSize];
        fixed (byte* k = key, b = block)
        {
            ChaCha20.Block((uint*)k, counter, 0, 0, 0, (uint*)b);
        }

        return block;
    }
}
