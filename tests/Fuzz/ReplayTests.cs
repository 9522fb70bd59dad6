namespace Xenlet.Fuzz;

/// <summary>The corpora, which reach everything that fuzzing has reached.</summary>
public sealed class ReplayTests
{
    public static TheoryData<string> Targets => [.. FuzzTargets.All.Select(target => target.Name)];

    [Theory]
    [MemberData(nameof(Targets))]
    public void Every_input_of_a_corpus_is_borne(string target)
    {
        IReadOnlyList<byte[]> inputs = Corpus.Read(Corpus.FileOf(Path.Combine(AppContext.BaseDirectory, "Corpora"), target));
        Assert.NotEmpty(inputs);
        Action<byte[]> routine = FuzzTargets.Find(target)!.Routine;
        foreach (byte[] input in inputs.Prepend([]))
        {
            Exception? error = Record.Exception(() => routine(input));
            Assert.True(error is null, $"upon {Convert.ToHexStringLower(input)}: {error}");
        }
    }
}
