using System.Globalization;

namespace Xenlet.Build;

/// <summary>What each step of a test run may cost, in multiples of the run's <see cref="Calibration"/>, since machines differ.</summary>
/// <param name="Shares">The budget of each step, by the step's name.</param>
internal sealed record Budgets(IReadOnlyDictionary<string, double> Shares)
{
    /// <summary>Reads the file of budgets: a name and a number a line; <c>#</c> begins a comment.</summary>
    /// <param name="path">The file, for messages.</param>
    /// <param name="lines">Its lines.</param>
    /// <exception cref="BuildException">A line is something else, or a name comes twice.</exception>
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

    /// <summary>How much of its budget a step has used; <see langword="null"/> when it has none.</summary>
    /// <param name="step">The step.</param>
    /// <param name="calibration">What <see cref="Calibration.Run"/> gave in the same run.</param>
    public double? Used(StepCost step, TimeSpan calibration) =>
        Shares.TryGetValue(step.Name, out double share) ? step.Processor / (share * calibration) : null;
}
