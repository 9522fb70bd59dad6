using System.Globalization;

namespace Xenlet.Build;

/// <summary>
/// The maximum cost of each step of a test run, in multiples of the run's <see cref="Calibration"/>, since machines differ.
/// </summary>
/// <param name="Shares">The budget of each step, by the step's name.</param>
internal sealed record Budgets(IReadOnlyDictionary<string, double> Shares)
{
    /// <summary>Parses the budget file: a name and a number per line; <c>#</c> starts a comment.</summary>
    /// <param name="path">The file, for messages.</param>
    /// <param name="lines">Its lines.</param>
    /// <exception cref="BuildException">A line has another form, or a name occurs twice.</exception>
    public static Budgets Parse(string path, IEnumerable<string> lines)
    {
        Dictionary<string, double> shares = [];
        int number = 0;
        foreach (string line in lines)
        {
            number++;
            string[] words = line.Split('#')[0].Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries);
            if (words.Length == 0)
            {
                continue;
            }

            if (words.Length != 2
                || !double.TryParse(words[1], NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out double share)
                || share <= 0)
            {
                throw new BuildException($"{path}, line {number}: '{line.Trim()}' is not a name and a number above zero.");
            }

            if (!shares.TryAdd(words[0], share))
            {
                throw new BuildException($"{path}, line {number}: {words[0]} has a budget already.");
            }
        }

        return new Budgets(shares);
    }

    /// <summary>The used share of a step's budget; <see langword="null"/> if it has none.</summary>
    /// <param name="step">The step.</param>
    /// <param name="calibration">The result of <see cref="Calibration.Run"/> in the same run.</param>
    public double? Used(StepCost step, TimeSpan calibration) =>
        Shares.TryGetValue(step.Name, out double share) ? step.Processor / (share * calibration) : null;
}
