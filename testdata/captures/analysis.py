# %% A week at Zürich's station: the mean, °C
import statistics
import time

week = {"Mon": 21.5, "Tue": 24.0, "Wed": 19.5, "Thu": 26.0, "Fri": 22.5}
statistics.mean(week.values())

# %% Printed while it runs
for day, celsius in week.items():
    print(f"{day} {celsius:5.1f} °C {'▪' * round(celsius)}", flush=True)
    time.sleep(0.1)

# %% An error stands on its line
warmest = max(week, key=week.get)
week[warmest] - week["Sun"]
