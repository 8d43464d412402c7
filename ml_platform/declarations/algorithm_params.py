"""The parameters that a declaration may give an algorithm, and what each may be (see `allowed_values`).

Static, so that declarations are checked without importing an estimator library. A test asks LightGBM and scikit-learn
about values within and beyond each of these.
"""

from __future__ import annotations

from collections.abc import Mapping

from ml_platform.declarations.model import Task

_FRACTION = "number (0, 1]"
_SHARE = "number [0, 1]"
_POSITIVE = "number (0, inf)"
_NOT_NEGATIVE = "number [0, inf)"
_COUNT = "int [1, inf)"

LIGHTGBM_OBJECTIVES = (
    "regression regression_l2 l2 mean_squared_error mse l2_root root_mean_squared_error rmse regression_l1 l1 "
    "mean_absolute_error mae huber fair poisson quantile mape mean_absolute_percentage_error gamma tweedie"
)
LIGHTGBM_METRICS: Mapping[Task, str] = {
    "binary": "auc average_precision binary binary_error binary_logloss cross_entropy l1 l2 rmse",
    "multiclass": "auc_mu multi_error multi_logloss multiclass softmax",
    "regression": f"{LIGHTGBM_OBJECTIVES} gamma_deviance r2",
    "quantile": f"{LIGHTGBM_OBJECTIVES} gamma_deviance r2",
}
LIGHTGBM: Mapping[str, str] = {
    "alpha": _POSITIVE,
    "bagging_fraction": _FRACTION,
    "bagging_freq": "int [0, inf)",
    "boost_from_average": "bool",
    "boosting": "gbdt gbrt rf random_forest dart",
    "cat_l2": _NOT_NEGATIVE,
    "cat_smooth": _NOT_NEGATIVE,
    "data_sample_strategy": "bagging goss",
    "drop_rate": _SHARE,
    "early_stopping_min_delta": _NOT_NEGATIVE,
    "early_stopping_round": _COUNT,
    "enable_bundle": "bool",
    "extra_trees": "bool",
    "fair_c": _POSITIVE,
    "feature_fraction": _FRACTION,
    "feature_fraction_bynode": _FRACTION,
    "first_metric_only": "bool",
    "interaction_constraints": "groups",
    "is_unbalance": "bool",
    "lambda_l1": _NOT_NEGATIVE,
    "lambda_l2": _NOT_NEGATIVE,
    "learning_rate": _POSITIVE,
    "linear_lambda": _NOT_NEGATIVE,
    "linear_tree": "bool",
    "max_bin": "int [2, inf)",
    "max_bin_by_feature": "ints",
    "max_cat_threshold": _COUNT,
    "max_cat_to_onehot": _COUNT,
    "max_delta_step": "number",
    "max_depth": "int",
    "max_drop": "int",
    "metric": f"words: {' '.join(LIGHTGBM_METRICS.values())}",
    "min_data_in_bin": _COUNT,
    "min_data_in_leaf": "int [0, inf)",
    "min_data_per_group": _COUNT,
    "min_gain_to_split": _NOT_NEGATIVE,
    "min_sum_hessian_in_leaf": _NOT_NEGATIVE,
    "monotone_constraints_method": "basic intermediate advanced",
    "monotone_penalty": _NOT_NEGATIVE,
    "neg_bagging_fraction": _FRACTION,
    "num_iterations": _COUNT,
    "num_leaves": "int [2, 131072]",
    "objective": LIGHTGBM_OBJECTIVES,
    "other_rate": _SHARE,
    "path_smooth": _NOT_NEGATIVE,
    "poisson_max_delta_step": _POSITIVE,
    "pos_bagging_fraction": _FRACTION,
    "reg_sqrt": "bool",
    "scale_pos_weight": _POSITIVE,
    "sigmoid": _POSITIVE,
    "skip_drop": _SHARE,
    "top_rate": _SHARE,
    "tweedie_variance_power": "number [1, 2)",
    "uniform_drop": "bool",
    "use_missing": "bool",
    "xgboost_dart_mode": "bool",
    "zero_as_missing": "bool",
}

_TREES: Mapping[str, str] = {
    "ccp_alpha": _NOT_NEGATIVE,
    "max_depth": "int [1, inf) | null",
    "max_features": "int [1, inf) | fraction (0, 1] | sqrt log2 | null",
    "max_leaf_nodes": "int [2, inf) | null",
    "min_impurity_decrease": _NOT_NEGATIVE,
    "min_samples_leaf": "int [1, inf) | fraction (0, 1)",
    "min_samples_split": "int [2, inf) | fraction (0, 1]",
    "min_weight_fraction_leaf": "number [0, 0.5]",
}
_FOREST = {
    **_TREES,
    "bootstrap": "bool",
    "max_samples": "int [1, inf) | fraction (0, inf) | null",
    "n_estimators": _COUNT,
}
_BOOSTED = {
    **_TREES,
    "criterion": "squared_error",
    "learning_rate": _NOT_NEGATIVE,
    "n_estimators": _COUNT,
    "n_iter_no_change": "int [1, inf) | null",
    "subsample": _FRACTION,
    "tol": _NOT_NEGATIVE,
    "validation_fraction": "number (0, 1)",
}
_HISTOGRAM = {
    "early_stopping": "bool | auto",
    "interaction_cst": "groups | pairwise no_interactions | null",
    "l2_regularization": _NOT_NEGATIVE,
    "learning_rate": _POSITIVE,
    "max_bins": "int [2, 255]",
    "max_depth": "int [1, inf) | null",
    "max_features": "fraction (0, 1]",
    "max_iter": _COUNT,
    "max_leaf_nodes": "int [2, inf) | null",
    "min_samples_leaf": _COUNT,
    "n_iter_no_change": _COUNT,
    "tol": _NOT_NEGATIVE,
    "validation_fraction": "int [1, inf) | fraction (0, 1) | null",
}
_OF_CLASSES = {
    "scoring": "loss accuracy balanced_accuracy average_precision f1 neg_brier_score neg_log_loss precision recall "
    "roc_auc roc_auc_ovr | null"
}
_OF_NUMBERS = {
    "scoring": "loss r2 explained_variance neg_max_error neg_mean_absolute_error neg_mean_absolute_percentage_error "
    "neg_mean_squared_error neg_median_absolute_error neg_root_mean_squared_error | null"
}
_LINEAR = {
    "alpha": _NOT_NEGATIVE,
    "fit_intercept": "bool",
    "max_iter": "int [1, inf) | null",
    "positive": "bool",
    "tol": _NOT_NEGATIVE,
}
_IMPURITY = {"criterion": "gini entropy log_loss"}
_ERROR = {"criterion": "squared_error absolute_error poisson"}
_WEIGHTS = {"class_weight": "balanced | null"}
_FOREST_WEIGHTS = {"class_weight": "balanced balanced_subsample | null"}
_SELECTION = {"selection": "cyclic random"}
_SPLITTER = {"splitter": "best random"}

SCIKIT_LEARN_PARAMS: Mapping[str, Mapping[str, str]] = {
    "LogisticRegression": {
        "C": _POSITIVE,
        "fit_intercept": "bool",
        "l1_ratio": "number [0, 1] | null",
        "max_iter": "int [0, inf)",
        "solver": "lbfgs liblinear newton-cg newton-cholesky sag saga",
        "tol": _NOT_NEGATIVE,
        **_WEIGHTS,
    },
    "RandomForestClassifier": {**_FOREST, **_IMPURITY, **_FOREST_WEIGHTS},
    "ExtraTreesClassifier": {**_FOREST, **_IMPURITY, **_FOREST_WEIGHTS},
    "GradientBoostingClassifier": {**_BOOSTED, "loss": "log_loss exponential"},
    "HistGradientBoostingClassifier": {**_HISTOGRAM, **_OF_CLASSES, "loss": "log_loss", **_WEIGHTS},
    "DecisionTreeClassifier": {**_TREES, **_IMPURITY, **_SPLITTER, **_WEIGHTS},
    "DummyClassifier": {"constant": "int | text | null", "strategy": "most_frequent prior constant"},
    "LinearRegression": {"fit_intercept": "bool", "positive": "bool", "tol": _NOT_NEGATIVE},
    "Ridge": {**_LINEAR, "solver": "auto svd cholesky lsqr sparse_cg sag saga lbfgs"},
    "Lasso": {**_LINEAR, **_SELECTION},
    "ElasticNet": {**_LINEAR, "l1_ratio": _SHARE, **_SELECTION},
    "RandomForestRegressor": {**_FOREST, **_ERROR},
    "ExtraTreesRegressor": {**_FOREST, **_ERROR},
    "GradientBoostingRegressor": {
        **_BOOSTED,
        "alpha": "number (0, 1)",
        "loss": "squared_error absolute_error huber quantile",
    },
    "HistGradientBoostingRegressor": {
        **_HISTOGRAM,
        **_OF_NUMBERS,
        "loss": "squared_error absolute_error gamma poisson quantile",
        "quantile": "number [0, 1] | null",
    },
    "DecisionTreeRegressor": {**_TREES, **_ERROR, **_SPLITTER},
    "DummyRegressor": {
        "constant": "number | null",
        "quantile": "number [0, 1] | null",
        "strategy": "mean median quantile constant",
    },
    "QuantileRegressor": {
        "alpha": _NOT_NEGATIVE,
        "fit_intercept": "bool",
        "solver": "highs highs-ds highs-ipm interior-point",
    },
}
